"""Two transactions meet: real threads on real connections, with SQL at rest as the oracle.

The `test_control_…` show that these tests prove something: without the lock the same races go
wrong.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connections

from audit.models import CheckIn
from freshtrak import databases
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import AlreadyRegistered, InvalidStatus
from registrations.models import EventRegistration, EventStatus
from registrations.services import attendance, closing
from schedules import counters
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories

pytestmark = pytest.mark.real_commits


@pytest.fixture
def _without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes FOR UPDATE, and lets both decide before either writes."""
    monkeypatch.setattr(databases, "LOCKS_ROWS", False)
    both_have_looked = threading.Barrier(2)

    def together(look: Callable[[Target], Any]) -> Callable[[Target], Any]:
        def look_together(target: Target) -> Any:
            seen = look(target)
            both_have_looked.wait(10)
            return seen

        return look_together

    for look in (counters.lock, counters.read_unlocked):
        monkeypatch.setattr(counters, look.__name__, together(look))


@pytest.mark.mariadb
@pytest.mark.usefixtures("_without_lock")
def test_control_without_the_lock_the_last_place_is_given_twice() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second = factories.households(2)

    outcomes = b.outcomes(partial(b.register, first, slot), partial(b.register, second, slot))

    assert outcomes == ["confirmed", "confirmed"]
    assert b.oversold() == {slot.pk: (2, 1)}


@pytest.mark.parametrize(("capacity", "rivals"), [(1, 12), (5, 12)])
def test_exactly_the_capacity_is_given(capacity: int, rivals: int) -> None:
    slot = factories.EventSlotFactory(capacity=capacity)
    households = factories.households(rivals)

    outcomes = b.outcomes(*(partial(b.register, h, slot) for h in households))

    assert Counter(outcomes) == {"confirmed": capacity, "waitlisted": rivals - capacity}
    assert b.drift() == {}
    assert b.reserved(slot) == capacity


def test_slots_of_one_date_add_up_on_the_date() -> None:
    day = factories.EventDateFactory()
    hour = factories.EventHourFactory(event_date=day)
    slots = factories.EventSlotFactory.create_batch(4, event_hour=hour, capacity=2)
    households = factories.households(12)

    outcomes = b.outcomes(*(partial(b.register, h, slots[n % 4]) for n, h in enumerate(households)))

    assert Counter(outcomes) == {"confirmed": 8, "waitlisted": 4}
    assert b.reserved(day) == 8
    assert b.drift() == {}


def test_date_only_places_are_given_once() -> None:
    day = factories.EventDateFactory(capacity=3)

    outcomes = b.outcomes(*(partial(b.register, h, day) for h in factories.households(8)))

    assert Counter(outcomes) == {"confirmed": 3, "waitlisted": 5}
    assert b.drift() == {}


def test_household_racing_itself_gets_one_place_and_is_told_its_id() -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)

    ids: list[int] = []

    def register() -> EventRegistration:
        try:
            registration: EventRegistration = b.register(household, slot)
        except AlreadyRegistered as refusal:
            ids.append(refusal.extra["registration_id"])
            raise
        return registration

    outcomes = b.outcomes(*[register] * 6, refused=AlreadyRegistered)

    assert Counter(outcomes) == {"confirmed": 1, "already_registered": 5}
    assert ids == [EventRegistration.objects.get().pk] * 5
    assert b.drift() == {}


def test_household_racing_itself_on_two_slots_of_a_date_gets_one() -> None:
    hour = factories.EventHourFactory()
    one, other = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=9)
    households = factories.households(4)

    outcomes = b.outcomes(
        *(partial(b.register, h, slot) for h in households for slot in (one, other)),
        refused=AlreadyRegistered,
    )

    assert Counter(outcomes) == {"confirmed": 4, "already_registered": 4}
    assert b.drift() == {}


def test_parallel_cancels_free_one_place_and_promote_once() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, first, second = factories.households(3)
    registration = b.register(holder, slot)
    b.register(first, slot)
    b.register(second, slot)

    assert b.outcomes(*[partial(b.cancel, registration)] * 6) == ["cancelled"] * 6
    assert b.queue(slot) == [second.pk]
    assert b.drift() == {}


def test_parallel_cancels_promote_as_many_in_order() -> None:
    slot = factories.EventSlotFactory(capacity=4)
    households = factories.households(12)
    held = [b.register(h, slot) for h in households[:4]]
    for household in households[4:]:
        b.register(household, slot)

    b.in_parallel(*(partial(b.cancel, registration) for registration in held))

    assert b.queue(slot) == [h.pk for h in households[8:]]
    assert b.drift() == {}
    assert b.oversold() == {}


@pytest.mark.parametrize("round_", range(4))
def test_newcomer_does_not_overtake_the_queue_during_a_cancellation(round_: int) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, waiting, newcomer = factories.households(3)
    registration = b.register(holder, slot)
    waits = b.register(waiting, slot)

    _, registered = b.in_parallel(
        partial(b.cancel, registration), partial(b.register, newcomer, slot)
    )

    assert b.status_of(waits) == "confirmed"
    assert b.status_of(registered) == "waitlisted"
    assert b.drift() == {}


@pytest.mark.parametrize("round_", range(4))
def test_no_place_stays_free_while_a_household_waits(round_: int) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, newcomer = factories.households(2)
    registration = b.register(holder, slot)

    b.in_parallel(partial(b.cancel, registration), partial(b.register, newcomer, slot))

    # Whichever came first: the place was freed, and the newcomer has it.
    assert b.queue(slot) == []
    assert b.reserved(slot) == 1
    assert b.drift() == {}


@pytest.mark.mariadb
@pytest.mark.usefixtures("_without_lock")
def test_control_without_the_lock_a_place_stays_free_while_a_household_waits() -> None:
    slot = factories.EventSlotFactory(capacity=1, reserved=1)
    holder, newcomer = factories.households(2)
    registration = _book_unseen(holder, slot)

    b.in_parallel(partial(b.cancel, registration), partial(b.register, newcomer, slot))

    assert b.queue(slot) == [newcomer.pk]
    assert b.reserved(slot) == 0


def _book_unseen(household: Any, slot: EventSlot) -> EventRegistration:
    """A confirmed registration made without meeting the barrier; `reserved` already counts it."""
    registration = EventRegistration.objects.create(
        household=household,
        event_status=EventStatus.objects.get(name="confirmed"),
        event_slot_id=slot.pk,
        event_date_id=slot.event_hour.event_date_id,
    )
    EventDate.objects.filter(pk=registration.event_date_id).update(reserved=1)
    return registration


def test_moves_in_opposite_directions_do_not_deadlock() -> None:
    one, other = factories.EventSlotFactory.create_batch(2, capacity=10)
    households = factories.households(10)
    at_one = [b.register(h, one) for h in households[:5]]
    at_other = [b.register(h, other) for h in households[5:]]

    moved = b.outcomes(
        *(partial(b.move, r, other) for r in at_one), *(partial(b.move, r, one) for r in at_other)
    )

    assert moved == ["confirmed"] * 10
    assert (b.reserved(one), b.reserved(other)) == (5, 5)
    assert b.drift() == {}


@pytest.mark.parametrize("round_", range(4))
def test_move_and_cancel_of_one_registration_leave_no_place_behind(round_: int) -> None:
    one, other = factories.EventSlotFactory.create_batch(2, capacity=1)
    (household,) = factories.households(1)
    registration = b.register(household, one)

    moved, cancelled = b.outcomes(
        partial(b.move, registration, other), partial(b.cancel, registration), refused=InvalidStatus
    )

    # Cancelled in the end either way: where it was, or where it had moved to.
    assert cancelled == "cancelled"
    assert moved in {"confirmed", "invalid_status"}
    assert (b.reserved(one), b.reserved(other)) == (0, 0)
    assert b.drift() == {}


def test_other_system_writing_the_counter_is_never_overwritten() -> None:
    slot = factories.EventSlotFactory(capacity=100)
    households = factories.households(8)

    def take_elsewhere() -> None:
        with connections[PUBLIC].cursor() as cursor:
            for _ in range(30):
                cursor.execute(
                    "UPDATE event_slots SET reserved = reserved + 1 WHERE event_slot_id = %s",
                    [slot.pk],
                )

    b.in_parallel(take_elsewhere, *(partial(b.register, h, slot) for h in households))

    assert b.reserved(slot) == 38
    assert b.drift({slot.pk: 30}) == {}


@pytest.mark.mariadb
def test_repeatable_read_is_still_right(monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in (PUBLIC, PRIVATE):
        options = connections[alias].settings_dict["OPTIONS"]
        monkeypatch.setitem(options, "isolation_level", "repeatable read")
    slot = factories.EventSlotFactory(capacity=3)
    households = factories.households(12)

    outcomes = b.outcomes(*(partial(b.register, h, slot) for h in households))

    assert Counter(outcomes) == {"confirmed": 3, "waitlisted": 9}
    assert b.drift() == {}


@pytest.mark.mariadb
def test_close_out_never_takes_back_a_check_in() -> None:
    """Latecomers check in while the rest are marked as no-shows: every check-in stands."""
    slot = factories.slot_today(capacity=60)
    rows = [b.register(household, slot) for household in factories.households(60)]

    def check_all_in() -> None:
        for row in reversed(rows):
            attendance.check_in(EventRegistration.objects.get(pk=row.pk), by=b.STAFF)

    def close() -> object:
        date_id = slot.event_hour.event_date_id
        return closing.close_out(date_id, before_end=True, by=b.STAFF)

    b.in_parallel(check_all_in, close)

    assert {b.status_of(row) for row in rows} == {"checked_in"}
    assert CheckIn.objects.count() == 60
    assert b.drift() == {}
