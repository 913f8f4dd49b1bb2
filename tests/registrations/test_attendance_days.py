"""On which day attendance is recorded; and a household that came on another day than its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connections

from audit.models import AuditEvent, CheckIn
from freshtrak.databases import PUBLIC
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    DayUnknown,
    InvalidRequest,
    InvalidStatus,
    NotToday,
    RegistrationError,
)
from registrations.models import EventRegistration, Household
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories

BY = b.STAFF


@contextmanager
def public_down() -> Iterator[None]:
    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        yield


def _read(registration: EventRegistration) -> EventRegistration:
    return EventRegistration.objects.get(pk=registration.pk)


def _facts(registration: EventRegistration) -> dict[str, dict[str, Any]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return {event.action: event.details for event in events}


def _on(days: int, **options: Any) -> EventSlot:
    """A slot so many days from now; a day in the past stays bookable until it is booked."""
    key = factories.in_days(days)
    slot: EventSlot = factories.EventSlotFactory(
        event_hour__event_date__event_date_key=key, **options
    )
    return slot


def _booked(days: int, household: Household, **options: Any) -> EventRegistration:
    slot = _on(max(days, 0), **options)
    registration: EventRegistration = b.register(household, slot)
    if days < 0:
        date_id = slot.event_hour.event_date_id
        EventDate.objects.filter(pk=date_id).update(event_date_key=factories.in_days(days))
    return registration


# Check-in and no-show ------------------------------------------------------------------


@pytest.mark.parametrize("service", [attendance.check_in, attendance.mark_no_show])
def test_a_day_to_come_takes_a_reason(service: Any, household: Household) -> None:
    registration = _booked(1, household)

    with pytest.raises(NotToday, match="This registration is for Thu Jun 18, 2026, which is still"):
        service(_read(registration), by=BY)
    assert b.status_of(registration) == "confirmed"
    assert set(_facts(registration)) == {"registered"}

    service(_read(registration), override_reason="picks up early", by=BY)

    *_, details = _facts(registration).values()
    assert details["overridden"] == "not_today"
    assert details["override_reason"] == "picks up early"
    assert b.drift() == {}


@pytest.mark.parametrize("service", [attendance.check_in, attendance.mark_no_show])
def test_a_day_in_the_past_can_be_entered_late(service: Any, household: Household) -> None:
    registration = _booked(-3, household)

    service(_read(registration), by=BY)

    *_, details = _facts(registration).values()
    assert details["day"] == "past"


def test_on_the_day_nothing_is_noted(household: Household) -> None:
    registration = _booked(0, household)

    attendance.check_in(_read(registration), by=BY)

    assert _facts(registration)["checked_in"].keys() == {"attendees"}


@pytest.mark.parametrize(
    ("zone", "now", "is_refused"),
    [
        ("Pacific/Auckland", datetime(2026, 6, 16, 11, 59, tzinfo=UTC), True),
        ("Pacific/Auckland", datetime(2026, 6, 16, 12, 1, tzinfo=UTC), False),
        ("Pacific/Honolulu", datetime(2026, 6, 17, 9, 59, tzinfo=UTC), True),
        ("Pacific/Honolulu", datetime(2026, 6, 17, 10, 1, tzinfo=UTC), False),
    ],
)
def test_today_is_the_day_of_the_event(
    zone: str, now: datetime, is_refused: bool, household: Household
) -> None:
    slot = _on(0, event_hour__event_date__event__time_zone=zone)
    registration = b.register(household, slot, override_reason="whatever the day is there")

    with time_machine.travel(now):
        if is_refused:
            with pytest.raises(NotToday):
                attendance.check_in(_read(registration), by=BY)
        else:
            attendance.check_in(_read(registration), by=BY)

    assert (b.status_of(registration) == "confirmed") == is_refused


def test_undoing_is_always_allowed(household: Household) -> None:
    registration = _booked(1, household)
    attendance.check_in(_read(registration), override_reason="early", by=BY)

    attendance.undo_check_in(_read(registration), by=BY)

    assert b.status_of(registration) == "confirmed"


def test_a_slot_that_is_gone_has_the_day_of_its_date(household: Household) -> None:
    registration = _booked(1, household)
    EventSlot.objects.all().delete()

    with pytest.raises(NotToday):
        attendance.check_in(_read(registration), by=BY)


def test_a_date_that_is_gone_does_not_stop_the_gate(household: Household) -> None:
    registration = _booked(1, household)
    for gone in (EventSlot, EventDate):
        gone.objects.all().delete()

    attendance.check_in(_read(registration), by=BY)

    assert _facts(registration)["checked_in"]["day"] == "unknown"


@pytest.mark.real_commits
def test_without_public_the_gate_stays_open_and_nobody_is_called_absent() -> None:
    first, second = factories.households(2)
    here, away = _booked(0, first), _booked(1, second)

    with public_down():
        attendance.check_in(_read(here), by=BY)
        with pytest.raises(DayUnknown):
            attendance.mark_no_show(_read(away), by=BY)
        assert b.status_of(away) == "confirmed"
        attendance.mark_no_show(_read(away), override_reason="they called", by=BY)

    assert _facts(here)["checked_in"]["day"] == "unknown"
    assert _facts(away)["no_show"]["overridden"] == "day_unknown"
    assert [b.status_of(row) for row in (here, away)] == ["checked_in", "no_show"]


def test_a_walk_in_on_a_day_to_come_is_refused_and_nothing_is_booked(household: Household) -> None:
    slot = _on(1)

    def walk_in(reason: str) -> EventRegistration:
        return attendance.walk_in(
            household_id=household.pk,
            attendee_ids=[household.members.get().pk],
            target=b.target_of(slot),
            override_reason=reason,
            by=BY,
        )

    with pytest.raises(NotToday):
        walk_in("")
    assert not EventRegistration.objects.exists()
    assert not AuditEvent.objects.exists()
    assert (b.reserved(slot), b.drift()) == (0, {})

    assert str(walk_in("rehearsal").event_status) == "checked_in"


# Came today instead ---------------------------------------------------------------------


def _came_today(
    registration: EventRegistration, target: EventSlot | EventDate, **options: Any
) -> EventRegistration:
    arguments = {"override_reason": "wrong day", "by": BY, **options}
    return attendance.came_today(_read(registration), target=b.target_of(target), **arguments)


@pytest.mark.parametrize("is_waiting", [False, True])
def test_a_registration_to_come_moves_to_today(is_waiting: bool) -> None:
    household, other = factories.HouseholdFactory(size=3), factories.HouseholdFactory()
    there, today = _on(2, capacity=1), _on(0)
    if is_waiting:
        b.register(other, there)
    registration = b.register(household, there)
    if not is_waiting:
        promoted = b.register(other, there)
    first, second, _ = household.members.order_by("pk")

    came = _came_today(registration, today, attendee_ids=[first.pk, second.pk])

    assert came.pk == registration.pk
    assert _read(came).event_slot_id == today.pk
    assert b.status_of(came) == "checked_in"
    if not is_waiting:
        assert b.status_of(promoted) == "confirmed"
    record = CheckIn.objects.get()
    assert (record.event_slot_id, record.attendee_count) == (today.pk, 2)
    facts = _facts(registration)
    assert list(facts)[1:] == ["moved_from", "moved_to", "checked_in"]
    assert facts["checked_in"] == {
        "attendees": [first.pk, second.pk],
        "instead_of": there.event_hour.event_date_id,
        "override_reason": "wrong day",
    }
    assert (b.reserved(there), b.reserved(today), b.drift()) == (1, 1, {})


def test_a_past_registration_stays_and_those_who_came_are_registered() -> None:
    household = factories.HouseholdFactory(size=2)
    registration, today = _booked(-1, household), _on(0)
    attendance.mark_no_show(_read(registration), by=BY)
    member = household.members.order_by("pk")[1]

    came = _came_today(registration, today, attendee_ids=[member.pk])

    assert came.pk != registration.pk
    assert b.status_of(registration) == "no_show"
    assert b.status_of(came) == "checked_in"
    assert [each.household_member_id for each in came.attendees.all()] == [member.pk]
    facts = _facts(came)
    assert list(facts) == ["registered", "checked_in"]
    assert facts["checked_in"]["instead_of"] == registration.event_date_id
    assert b.drift() == {}


def test_it_takes_a_free_place_and_the_queue_goes_first(household: Household) -> None:
    registration = _booked(1, household)
    holder, waiting = factories.households(2)
    full = _on(0, capacity=1)
    b.register(holder, full)
    with pytest.raises(CapacityFull):
        _came_today(registration, full)
    b.register(waiting, full)
    EventSlot.objects.filter(pk=full.pk).update(capacity=2)
    closed = EventDate.objects.filter(pk=full.event_hour.event_date_id)
    closed.update(accept_reservations=0)

    with pytest.raises(CapacityFull):  # the free place is the waiting household's
        _came_today(registration, full)

    assert b.status_of(registration) == "confirmed"
    assert _facts(registration).keys() == {"registered"}
    assert not CheckIn.objects.exists()
    assert b.drift() == {}


def test_what_came_today_refuses(household: Household) -> None:
    to_come, today = _booked(1, household), _on(0)
    cancelled = b.cancel(_booked(2, household))

    with pytest.raises(NotToday):
        _came_today(to_come, _on(3))
    with pytest.raises(InvalidRequest):
        _came_today(to_come, today, override_reason=" ")
    with pytest.raises(InvalidRequest):
        _came_today(to_come, today, attendee_ids=[4711])
    with pytest.raises(InvalidStatus):
        _came_today(cancelled, today)
    todays = b.register(household, today)
    with pytest.raises(AlreadyRegistered) as refusal:
        _came_today(to_come, factories.EventSlotFactory(event_hour=today.event_hour))
    assert refusal.value.extra == {"registration_id": todays.pk}
    with pytest.raises(InvalidStatus, match="is for today"):
        _came_today(todays, factories.EventSlotFactory(event_hour=today.event_hour))

    assert [b.status_of(row) for row in (to_come, cancelled, todays)] == [
        "confirmed",
        "cancelled",
        "confirmed",
    ]
    assert b.drift() == {}


@pytest.mark.real_commits
def test_two_tablets_take_the_same_household_to_today() -> None:
    (household,) = factories.households(1)
    registration, today = _booked(1, household), _on(0, capacity=5)

    outcomes = b.outcomes(
        *[partial(_came_today, registration, today)] * 4, refused=RegistrationError
    )

    assert sorted(outcomes) == ["checked_in", *["invalid_status"] * 3]
    assert CheckIn.objects.count() == 1
    assert (b.reserved(today), b.drift()) == (1, {})


@pytest.mark.real_commits
def test_the_last_place_of_today_goes_to_one_household() -> None:
    today = _on(0, capacity=1)
    rows = [_booked(1, household) for household in factories.households(4)]

    outcomes = b.outcomes(*(partial(_came_today, row, today) for row in rows), refused=CapacityFull)

    assert sorted(outcomes) == [*["capacity_full"] * 3, "checked_in"]
    assert b.oversold() == {}
    assert b.drift() == {}
