"""Booking a place: what is confirmed, waitlisted, refused; what it costs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from freshtrak.databases import PUBLIC
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    InvalidRequest,
    NotBookable,
    NotFound,
    SlotRequired,
)
from registrations.models import EventRegistration, Household
from registrations.queries import details
from schedules.keys import date_key
from schedules.models import EventDate, EventHour, EventSlot
from tests.support import booking as b
from tests.support import factories
from tests.support.factories import NOON

DAY = timedelta(days=1)


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


# Register ---------------------------------------------------------------------------


def test_register_confirms_counts_and_records(household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=2)

    registration = b.register(household, slot)

    assert b.status_of(registration) == "confirmed"
    assert registration.event_date_id == slot.event_hour.event_date_id
    assert registration.event_id == slot.event_hour.event_date.event_id
    assert registration.added_by == 7
    attendees = registration.attendees.values_list("household_member_id", flat=True)
    assert list(attendees) == [member.pk for member in household.members.all()]
    assert _trail(registration) == [("registered", 1)]
    assert b.drift() == {}


def test_register_event_carries_delta_and_value_seen(household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=9, reserved=4)

    b.register(household, slot)

    event = AuditEvent.objects.get()
    assert (event.delta, event.reserved_seen) == (1, 4)
    assert (event.actor_kind, event.actor_id) == ("participant", "7")
    assert EventSlot.objects.get().last_update is not None
    assert b.pending() == 0


def test_register_when_full_joins_the_queue_in_order() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second, third = factories.households(3)

    registrations = [b.register(h, slot) for h in (first, second, third)]

    positions = [row.waitlist_position for row in details.read(registrations)]

    assert positions == [None, 1, 2]
    assert b.queue(slot) == [second.pk, third.pk]
    assert b.drift() == {}


def test_register_when_full_without_waitlist_is_refused() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second = factories.households(2)
    b.register(first, slot)

    with pytest.raises(CapacityFull):
        b.register(second, slot, join_waitlist=False)

    assert EventRegistration.objects.count() == 1


@pytest.mark.parametrize(("capacity", "reserved"), [(0, 0), (5, 5), (5, 8), (-1, 0)])
def test_register_finds_no_place_when_none_is_free(
    household: Household, capacity: int, reserved: int
) -> None:
    slot = factories.EventSlotFactory(capacity=capacity, reserved=reserved)

    registration = b.register(household, slot)

    assert b.status_of(registration) == "waitlisted"
    assert b.reserved(slot) == reserved


def test_register_never_exceeds_capacity_when_reserved_is_negative() -> None:
    slot = factories.EventSlotFactory(capacity=1, reserved=-3)
    first, second = factories.households(2)

    registrations = [b.register(first, slot), b.register(second, slot)]

    assert [b.status_of(each) for each in registrations] == ["confirmed", "waitlisted"]
    assert b.reserved(slot) == -2


def test_register_respects_places_taken_by_another_system() -> None:
    slot = factories.EventSlotFactory(capacity=3)
    first, second = factories.households(2)
    b.register(first, slot)
    EventSlot.objects.filter(pk=slot.pk).update(reserved=3)

    registration = b.register(second, slot)

    assert b.status_of(registration) == "waitlisted"
    assert b.reserved(slot) == 3


def test_register_for_a_date_without_slots(household: Household) -> None:
    day = factories.EventDateFactory(capacity=1)

    registration = b.register(household, day)

    assert (registration.event_slot_id, registration.event_date_id) == (None, day.pk)
    assert b.reserved(day) == 1
    assert b.drift() == {}


def test_register_for_a_date_with_slots_needs_a_slot(household: Household) -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(SlotRequired):
        b.register(household, slot.event_hour.event_date)


def test_register_for_a_date_whose_slots_are_out_of_use(household: Household) -> None:
    slot = factories.EventSlotFactory(status_id=2)

    registration = b.register(household, slot.event_hour.event_date)

    assert b.status_of(registration) == "confirmed"


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        ("slot", {"status_id": 0}, "not_published"),
        ("hour", {"status_id": 2}, "not_published"),
        ("date", {"status_id": 2}, "not_published"),
        ("date", {"status_publish": 0}, "not_published"),
        ("date", {"published_date_key": date_key(NOON + DAY)}, "not_published"),
        ("event", {"status_id": 0}, "not_published"),
        ("event", {"status_publish_event": 0}, "not_published"),
        ("event", {"status_publish_event_dates": 0}, "not_published"),
        ("date", {"event_date_key": date_key(NOON - DAY)}, "event_past"),
        ("date", {"accept_reservations": 0}, "reservations_not_accepted"),
        (
            "date",
            {"published_end_datetime": NOON - timedelta(minutes=1)},
            "registration_closed",
        ),
    ],
)
def test_register_is_refused_while_booking_is_not_open(
    household: Household, table: str, change: dict[str, Any], reason: str
) -> None:
    slot = factories.EventSlotFactory()
    day = slot.event_hour.event_date
    row = {"slot": slot, "hour": slot.event_hour, "date": day, "event": day.event}[table]
    type(row).objects.filter(pk=row.pk).update(**change)

    with pytest.raises(NotBookable) as refusal:
        b.register(household, slot)

    assert refusal.value.code == reason
    assert b.reserved(slot) == 0


def test_register_for_a_missing_slot_or_date(household: Household) -> None:
    with pytest.raises(NotFound):
        b.register(household, EventSlot(event_slot_id=4_294_967_295))
    with pytest.raises(NotFound):
        b.register(household, EventDate(event_date_id=4_294_967_295))


@pytest.mark.parametrize("missing", [EventHour, EventDate])
def test_register_for_a_slot_whose_hour_or_date_is_gone(household: Household, missing: Any) -> None:
    slot = factories.EventSlotFactory()
    missing.objects.all().delete()

    with pytest.raises(NotBookable) as refusal:
        b.register(household, slot)

    assert refusal.value.code == "not_published"


def test_register_with_a_date_and_event_that_do_not_match_the_slot(household: Household) -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(InvalidRequest) as refusal:
        b.register(household, slot, event_date_id=1, event_id=2)

    assert [error.field for error in refusal.value.errors] == ["event_date_id", "event_id"]


def test_register_again_on_the_date_names_the_first_registration(household: Household) -> None:
    hour = factories.EventHourFactory()
    one, other = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=0)
    first = b.register(household, one)

    with pytest.raises(AlreadyRegistered) as refusal:
        b.register(household, other)
    with pytest.raises(AlreadyRegistered):
        b.register(household, other, join_waitlist=False)

    assert refusal.value.extra == {"registration_id": first.pk}


def test_register_and_cancel_many_times_keeps_history(household: Household) -> None:
    slot = factories.EventSlotFactory()

    for _ in range(5):
        b.cancel(b.register(household, slot))
    b.register(household, slot)

    assert EventRegistration.objects.count() == 6
    assert EventRegistration.objects.active().count() == 1
    assert b.drift() == {}


# Cost -------------------------------------------------------------------------------


def test_register_costs_the_same_however_many_hold_or_wait() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    opener, *households = factories.households(5)
    b.register(opener, slot)

    def cost(household: Household, **options: Any) -> list[str]:
        members = list(household.members.values_list("pk", flat=True))
        return b.statements(lambda: b.register(household, slot, attendee_ids=members, **options))

    confirmed, waitlisted, again = (cost(household) for household in households[:3])
    with pytest.raises(CapacityFull):
        cost(households[3], join_waitlist=False)

    assert len(confirmed) == 11
    assert len(waitlisted) == len(again) == 8


@pytest.mark.mariadb
def test_register_at_a_full_slot_takes_no_lock_in_public() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, first, second = factories.households(3)
    registration = b.register(holder, slot)
    b.register(first, slot)

    with CaptureQueriesContext(connections[PUBLIC]) as public:
        b.register(second, slot)
        b.cancel(registration)

    assert all(query["sql"].lstrip().startswith("SELECT") for query in public.captured_queries)
    assert not [query for query in public.captured_queries if "FOR UPDATE" in query["sql"]]
    assert b.queue(slot) == [second.pk]
    assert b.drift() == {}


# Staff override -----------------------------------------------------------------------


def test_override_books_after_closing_and_says_so(household: Household) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__accept_reservations=0)

    registration = b.register(household, slot, by=b.STAFF, override_reason="Walk-in")

    details = AuditEvent.objects.get().details
    assert b.status_of(registration) == "confirmed"
    assert details["overridden"] == "reservations_not_accepted"
    assert details["override_reason"] == "Walk-in"


def test_override_while_booking_is_open_is_not_recorded(household: Household) -> None:
    b.register(household, factories.EventSlotFactory(), override_reason="Walk-in")

    assert "override_reason" not in AuditEvent.objects.get().details


def test_override_neither_exceeds_capacity_nor_jumps_the_queue() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, waiting, walk_in, late = factories.households(4)
    registration = b.register(holder, slot)
    b.register(waiting, slot)
    EventDate.objects.update(accept_reservations=0)

    full = b.register(walk_in, slot, override_reason="Walk-in")
    b.cancel(registration)
    behind = b.register(late, slot, override_reason="Walk-in")

    assert (b.status_of(full), b.status_of(behind)) == ("waitlisted", "waitlisted")
    assert b.reserved(slot) == 0
    assert b.drift() == {}
