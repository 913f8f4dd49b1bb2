"""Places are given on several devices at once, beside bookings and check-ins, and by processes
that die."""

from collections import Counter
from functools import partial

import pytest

from audit.models import AuditEvent, CheckIn
from registrations.errors import AlreadyCheckedIn, CapacityFull, InvalidStatus
from registrations.models import EventRegistration
from registrations.services import attendance, places, settlement
from schedules.models import EventHour, EventSlot
from schedules.targets import Target
from tests.registrations.test_races import _without_lock  # noqa: F401 (a fixture)
from tests.support import booking as b
from tests.support import factories
from tests.support.victims import kill_at

pytestmark = pytest.mark.real_commits

ROUNDS = pytest.mark.parametrize("round_", range(4))


@pytest.fixture
def hour() -> EventHour:
    made: EventHour = factories.EventHourFactory(
        event_date__event_date_key=factories.in_days(0), event_date__capacity=20
    )
    return made


def _waiting(slot: EventSlot, count: int) -> list[EventRegistration]:
    return [b.register(household, slot) for household in factories.households(count)]


def _give(
    registration: EventRegistration, slot: EventSlot | None = None, reason: str = "Was here first"
) -> EventRegistration:
    return attendance.check_in_waiting(
        EventRegistration.objects.get(pk=registration.pk),
        target=slot and Target.slot(slot.pk),
        reason=reason,
        by=b.STAFF,
    )


def _check_in(registration: EventRegistration) -> EventRegistration:
    return attendance.check_in(EventRegistration.objects.get(pk=registration.pk), by=b.STAFF)


def _pass_on(registration: EventRegistration) -> EventRegistration:
    absent = EventRegistration.objects.get(pk=registration.pk)
    places.pass_on(absent, reason="Did not come", by=b.STAFF)
    return absent


def _with_place(hour: EventHour, waiting: int) -> tuple[EventSlot, list[EventRegistration]]:
    """A slot at which so many wait although one place is free, and booking is closed."""
    slot = factories.EventSlotFactory(event_hour=hour, capacity=0)
    rows = _waiting(slot, waiting)
    EventSlot.objects.filter(pk=slot.pk).update(capacity=1)
    type(hour.event_date).objects.update(accept_reservations=0)
    return slot, rows


@ROUNDS
def test_two_tablets_give_the_last_place_once(hour: EventHour, round_: int) -> None:
    slot, rows = _with_place(hour, 2)

    outcomes = b.outcomes(*(partial(_give, row) for row in rows), refused=CapacityFull)

    assert Counter(outcomes) == {"checked_in": 1, "capacity_full": 1}
    assert (CheckIn.objects.count(), len(b.queue(slot)), b.reserved(slot)) == (1, 1, 1)
    assert b.drift() == {}


@pytest.mark.mariadb
def test_control_without_the_lock_two_tablets_give_it_twice(
    hour: EventHour, request: pytest.FixtureRequest
) -> None:
    slot, rows = _with_place(hour, 2)
    request.getfixturevalue("_without_lock")

    outcomes = b.outcomes(*(partial(_give, row) for row in rows))

    assert outcomes == ["checked_in", "checked_in"]
    assert b.oversold() == {slot.pk: (2, 1)}


@ROUNDS
def test_two_tablets_give_one_household_one_place(hour: EventHour, round_: int) -> None:
    slot, (waits, _) = _with_place(hour, 2)

    outcomes = b.outcomes(*[partial(_give, waits, reason="")] * 4, refused=AlreadyCheckedIn)

    assert Counter(outcomes) == {"checked_in": 1, "already_checked_in": 3}
    assert AuditEvent.objects.filter(action="promoted").count() == 1
    assert (CheckIn.objects.count(), b.reserved(slot)) == (1, 1)
    assert b.drift() == {}


@ROUNDS
def test_a_booking_does_not_take_the_place_that_is_given(hour: EventHour, round_: int) -> None:
    slot = factories.EventSlotFactory(event_hour=hour, capacity=0)
    (waits,) = _waiting(slot, 1)
    EventSlot.objects.filter(pk=slot.pk).update(capacity=1)
    (newcomer,) = factories.households(1)

    outcomes = b.outcomes(partial(_give, waits, reason=""), partial(b.register, newcomer, slot))

    assert outcomes == ["checked_in", "waitlisted"]
    assert b.reserved(slot) == 1
    assert b.drift() == {}


@ROUNDS
def test_a_place_at_another_slot_is_given_or_booked(hour: EventHour, round_: int) -> None:
    full, free = (
        factories.EventSlotFactory(event_hour=hour, capacity=capacity) for capacity in (0, 1)
    )
    (waits,) = _waiting(full, 1)
    (newcomer,) = factories.households(1)

    given, booked = b.outcomes(
        partial(_give, waits, free),
        partial(b.register, newcomer, free),
        refused=CapacityFull,
    )

    assert (given, booked) in {("checked_in", "waitlisted"), ("capacity_full", "confirmed")}
    assert (b.reserved(full), b.reserved(free)) == (0, 1)
    assert b.oversold() == {}
    assert b.drift() == {}


def test_places_given_in_opposite_directions_do_not_deadlock(hour: EventHour) -> None:
    one, other = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=0)
    at_one, at_other = _waiting(one, 5), _waiting(other, 5)
    EventSlot.objects.update(capacity=5)
    type(hour.event_date).objects.update(accept_reservations=0)

    given = b.outcomes(
        *(partial(_give, row, other) for row in at_one),
        *(partial(_give, row, one) for row in at_other),
    )

    assert given == ["checked_in"] * 10
    assert (b.reserved(one), b.reserved(other)) == (5, 5)
    assert b.drift() == {}


@ROUNDS
def test_a_no_show_is_checked_in_or_its_place_is_handed_on(hour: EventHour, round_: int) -> None:
    slot = factories.EventSlotFactory(event_hour=hour, capacity=1)
    absent = b.register(factories.households(1)[0], slot)
    (waits,) = _waiting(slot, 1)
    attendance.mark_no_show(absent, by=b.STAFF)

    outcomes = b.outcomes(
        partial(_check_in, absent), partial(_pass_on, absent), refused=InvalidStatus
    )

    after = (b.status_of(absent), b.status_of(waits))
    assert (outcomes, after) in (
        (["checked_in", "invalid_status"], ("checked_in", "waitlisted")),
        (["invalid_status", "cancelled"], ("cancelled", "confirmed")),
    )
    assert b.reserved(slot) == 1
    assert b.oversold() == {}
    assert b.drift() == {}


def test_a_place_is_handed_on_once(hour: EventHour) -> None:
    slot = factories.EventSlotFactory(event_hour=hour, capacity=1)
    absent = b.register(factories.households(1)[0], slot)
    waiting = _waiting(slot, 4)
    attendance.mark_no_show(absent, by=b.STAFF)

    outcomes = b.outcomes(*[partial(_pass_on, absent)] * 4, refused=InvalidStatus)

    assert Counter(outcomes) == {"cancelled": 1, "invalid_status": 3}
    assert [b.status_of(row) for row in waiting] == ["confirmed", *["waitlisted"] * 3]
    assert b.drift() == {}


# A process dies -------------------------------------------------------------------------

POINTS = [("before-private-commit", False), ("between-commits", True), ("before-mark", True)]


@pytest.mark.parametrize(("point", "durable"), POINTS)
def test_a_killed_gift_is_whole_or_nothing(hour: EventHour, point: str, durable: bool) -> None:
    full, free = (
        factories.EventSlotFactory(event_hour=hour, capacity=capacity) for capacity in (0, 1)
    )
    (waits,) = _waiting(full, 1)

    kill_at(point, "give", waits.pk, free.pk)
    settlement.settle_all()

    assert b.status_of(waits) == ("checked_in" if durable else "waitlisted")
    assert b.queue(full) == ([] if durable else [waits.household_id])
    assert (b.reserved(full), b.reserved(free)) == (0, durable)
    assert CheckIn.objects.count() == durable
    assert AuditEvent.objects.filter(registration_id=waits.pk).count() == (4 if durable else 1)
    assert b.drift() == {}
    assert b.pending() == 0


@pytest.mark.parametrize(
    ("point", "durable"), [("before-private-commit", False), ("after-private-commit", True)]
)
def test_a_killed_handing_on_is_whole_or_nothing(
    hour: EventHour, point: str, durable: bool
) -> None:
    slot = factories.EventSlotFactory(event_hour=hour, capacity=1)
    absent = b.register(factories.households(1)[0], slot)
    (waits,) = _waiting(slot, 1)
    attendance.mark_no_show(absent, by=b.STAFF)

    kill_at(point, "pass_on", absent.pk)

    after = (b.status_of(absent), b.status_of(waits))
    assert after == (("cancelled", "confirmed") if durable else ("no_show", "waitlisted"))
    assert (b.reserved(slot), b.pending(), b.drift()) == (1, 0, {})
