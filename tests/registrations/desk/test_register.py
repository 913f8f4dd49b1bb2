"""Staff register households and walk-ins, and change attendees."""

import re
from typing import Any

import pytest

from audit.models import AuditEvent, CheckIn
from registrations.models import EventRegistration, Household
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def rivera() -> Household:
    return factories.HouseholdFactory(name="Rivera", size=2)


def _members(household: Household) -> list[int]:
    return list(household.members.order_by("pk").values_list("pk", flat=True))


def _at(slot: EventSlot, household: Household) -> str:
    return f"add/?household={household.pk}&date={slot.event_hour.event_date_id}"


def _form(slot: EventSlot, household: Household, **other: Any) -> dict[str, Any]:
    return {"target": f"slot-{slot.pk}", "attendees": _members(household), **other}


def test_add_household_then_date_then_slot(rivera: Household) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    coordinator = desk.log_in("Coordinator")

    matches = desk.page(coordinator, "add/", q="rivra")
    dates = desk.page(coordinator, "add/", household=rivera.pk)
    form = desk.page(coordinator, _at(slot, rivera))
    result = desk.post(coordinator, _at(slot, rivera), **_form(slot, rivera))

    assert "Rivera" in matches
    assert slot.event_hour.event_date.event.event_name in dates
    assert "1 free" in form
    registration = EventRegistration.objects.get()
    assert f"Confirmed: Rivera, {registration.confirmation_code}." in result
    assert b.status_of(registration) == "confirmed"
    assert AuditEvent.objects.get().actor_kind == "staff"
    assert b.drift() == {}


def test_add_to_a_full_slot_waits_or_is_refused(rivera: Household) -> None:
    slot = factories.EventSlotFactory(capacity=0)
    coordinator = desk.log_in("Coordinator")

    refused = desk.post(coordinator, _at(slot, rivera), **_form(slot, rivera))
    waits = desk.post(coordinator, _at(slot, rivera), **_form(slot, rivera, join_waitlist="on"))
    again = desk.post(coordinator, _at(slot, rivera), **_form(slot, rivera, join_waitlist="on"))

    assert "No place is left" in refused
    assert "No place was free: Rivera is number 1 on the waitlist." in waits
    code = EventRegistration.objects.get().confirmation_code
    assert "The household already has a registration on this date." in again
    assert f"Its code is {code}." in again


def test_add_shows_refusals_at_their_fields(rivera: Household) -> None:
    slot = factories.EventSlotFactory()
    closed = factories.EventSlotFactory(event_hour__event_date__accept_reservations=0)
    stranger = factories.MemberFactory()
    coordinator = desk.log_in("Coordinator")

    def post(slot: EventSlot, **changes: Any) -> str:
        return desk.post(coordinator, _at(slot, rivera), **_form(slot, rivera, **changes))

    assert "Name at least one attendee" in post(slot, attendees=[])
    assert "Select a valid choice" in post(slot, attendees=[stranger.pk])
    assert "Choose a slot" in post(slot, target="")
    assert "This date takes no reservations." in post(closed)
    assert EventRegistration.objects.count() == 0
    assert "Confirmed: Rivera" in post(closed, reason="the pantry asked for it")


def test_add_for_a_deleted_household_is_refused(rivera: Household) -> None:
    slot = factories.EventSlotFactory()
    Household.objects.filter(pk=rivera.pk).update(deleted_on="2026-01-01T00:00Z")

    result = desk.page(desk.log_in("Coordinator"), _at(slot, rivera))

    assert "no longer active" in result


def test_edit_attendees_moves_no_counter(rivera: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(rivera, slot)
    coordinator = desk.log_in("Coordinator")
    _, second = _members(rivera)
    own = f"{registration.pk}/attendees/"

    preview = desk.page(coordinator, own)
    refused = desk.post(coordinator, own)
    result = desk.post(coordinator, own, attendees=[second])

    assert "no counter moves" in preview
    assert "Name at least one attendee" in refused
    assert "Attendees changed. No counter moved." in result
    attending = registration.attendees.values_list("household_member_id", flat=True)
    assert (list(attending), b.reserved(slot)) == ([second], 1)


def test_edit_attendees_of_a_cancelled_registration_is_refused(rivera: Household) -> None:
    registration = b.register(rivera, factories.EventSlotFactory())
    b.cancel(registration)

    result = desk.post(
        desk.log_in("Coordinator"), f"{registration.pk}/attendees/", attendees=_members(rivera)[:1]
    )

    assert "A cancelled registration cannot be changed." in result


def _today(**fields: Any) -> EventSlot:
    """A slot that runs at noon, when the tests take place."""
    running = {"start_time_key": 1130, "end_time_key": 1230}
    return factories.EventSlotFactory(
        event_hour__event_date__event_date_key=factories.in_days(0),
        event_hour__event_date__accept_walkin=1,
        **(running | fields),
    )


def _gate(slot: EventSlot) -> str:
    return f"days/{slot.event_hour.event_date_id}/walk-in/"


def test_walk_in_is_booked_and_checked_in_at_once(rivera: Household) -> None:
    slot = _today(capacity=1)
    anna = desk.log_in("Front desk")
    gate = f"{_gate(slot)}?household={rivera.pk}"

    matches = desk.page(anna, _gate(slot), q="Rivera")
    result = desk.post(anna, gate, **_form(slot, rivera))

    assert "Rivera" in matches
    assert "✓ checked in at" in result
    registration = EventRegistration.objects.get()
    assert b.status_of(registration) == "checked_in"
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == [
        "registered",
        "checked_in",
    ]
    assert CheckIn.objects.get().household_member_ids == _members(rivera)
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_walk_in_after_booking_closed_records_the_reason(rivera: Household) -> None:
    slot = _today(event_hour__event_date__accept_reservations=0)
    anna = desk.log_in("Front desk")
    gate = f"{_gate(slot)}?household={rivera.pk}"

    desk.post(anna, gate, **_form(slot, rivera, reason="walk-in"))

    assert b.status_of(EventRegistration.objects.get()) == "checked_in"
    registered = AuditEvent.objects.order_by("pk")[0]
    assert registered.details["override_reason"] == "walk-in"


def test_walk_in_never_exceeds_capacity(rivera: Household) -> None:
    slot = _today(capacity=0)

    gate = f"{_gate(slot)}?household={rivera.pk}"
    result = desk.post(desk.log_in("Front desk"), gate, **_form(slot, rivera, reason="walk-in"))

    assert "No place is left" in result
    assert EventRegistration.objects.count() == 0


def test_walk_in_only_on_the_day_itself(rivera: Household) -> None:
    slot = factories.EventSlotFactory()

    result = desk.page(desk.log_in("Front desk"), f"{_gate(slot)}?household={rivera.pk}")

    assert "Register walk-ins on the day itself." in result


def _chosen(client: Any, slot: EventSlot, household: Household) -> list[str]:
    """The slot that the walk-in form has chosen."""
    gate = f"{desk.LIST}{_gate(slot)}?household={household.pk}"
    radios = re.findall(r'<input type="radio"[^>]*>', client.get(gate).content.decode())
    assert radios
    return [
        value for radio in radios if "checked" in radio for value in re.findall(r"slot-\d+", radio)
    ]


def test_walk_in_form_chooses_the_running_slot(rivera: Household) -> None:
    early = _today(start_time_key=930, end_time_key=945)
    hour = early.event_hour
    running = factories.EventSlotFactory(
        event_hour=hour, start_time_key=1145, end_time_key=1215, capacity=1
    )
    next_ = factories.EventSlotFactory(event_hour=hour, start_time_key=1215, end_time_key=1245)
    anna = desk.log_in("Front desk")

    assert _chosen(anna, early, rivera) == [f"slot-{running.pk}"]
    b.register(factories.HouseholdFactory(), running)
    assert _chosen(anna, early, rivera) == [f"slot-{next_.pk}"]
    b.register(factories.HouseholdFactory(), next_)
    assert _chosen(anna, early, rivera) == []


def test_walk_in_to_a_slot_that_is_over_needs_a_reason(rivera: Household) -> None:
    slot = _today(start_time_key=1130, end_time_key=1200)
    anna = desk.log_in("Front desk")
    gate = f"{_gate(slot)}?household={rivera.pk}"

    form = desk.page(anna, gate)
    refused = desk.post(anna, gate, **_form(slot, rivera))
    as_ever = desk.post(anna, gate, **_form(slot, rivera, reason="walk-in"))
    assert EventRegistration.objects.count() == 0
    result = desk.post(anna, gate, **_form(slot, rivera, reason="the bus was late"))

    assert "1 free · over" in form
    for page in (refused, as_ever):
        assert "This slot ended at noon. Say why you still book it." in page
    assert "✓ checked in at" in result
    assert AuditEvent.objects.order_by("pk")[0].details["reason"] == "the bus was late"


@pytest.mark.parametrize(
    ("start", "end"), [(1130, 1201), (1130, 2400), (2200, 100), (0, 0), (1300, 1400)]
)
def test_a_slot_that_is_not_over_needs_no_reason(rivera: Household, start: int, end: int) -> None:
    slot = _today(start_time_key=start, end_time_key=end)
    gate = f"{_gate(slot)}?household={rivera.pk}"

    assert "✓ checked in at" in desk.post(desk.log_in("Front desk"), gate, **_form(slot, rivera))
