"""Moving to another slot or date: all or nothing."""

import pytest

from audit import wording
from audit.models import AuditEvent
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    InvalidStatus,
)
from registrations.models import EventRegistration, Household
from registrations.services import booking, waitlist
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


def test_move_takes_the_new_place_and_promotes_at_the_old_slot() -> None:
    hour = factories.EventHourFactory()
    old, new = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=1)
    mover, head = factories.households(2)
    registration = b.register(mover, old)
    promoted = b.register(head, old)

    b.move(registration, new)

    moved = EventRegistration.objects.get(pk=registration.pk)
    assert moved.event_slot_id == new.pk
    assert _trail(moved) == [("registered", 1), ("moved_from", -1), ("moved_to", 1)]
    assert b.status_of(promoted) == "confirmed"
    assert (b.reserved(old), b.reserved(new)) == (1, 1)
    assert b.drift() == {}


def test_move_to_a_full_slot_changes_nothing() -> None:
    old, new = factories.EventSlotFactory.create_batch(2, capacity=1)
    mover, holder = factories.households(2)
    registration = b.register(mover, old)
    b.register(holder, new)

    with pytest.raises(CapacityFull):
        b.move(registration, new)

    assert EventRegistration.objects.get(pk=registration.pk).event_slot_id == old.pk
    assert b.drift() == {}


def test_move_does_not_overtake_the_queue_of_the_new_slot() -> None:
    old, new = factories.EventSlotFactory(capacity=1), factories.EventSlotFactory(capacity=0)
    mover, waiting = factories.households(2)
    registration = b.register(mover, old)
    waits = b.register(waiting, new)
    EventSlot.objects.filter(pk=new.pk).update(capacity=1)

    with pytest.raises(CapacityFull):
        b.move(registration, new)

    assert b.status_of(waits) == "confirmed"  # the refused move leaves it the place
    assert (b.reserved(old), b.reserved(new)) == (1, 1)
    assert b.drift() == {}


def test_move_from_the_queue_to_a_free_place_confirms() -> None:
    full, free = factories.EventSlotFactory(capacity=0), factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    registration = b.register(household, full)

    b.move(registration, free)

    assert b.status_of(registration) == "confirmed"
    assert b.queue(full) == []
    assert b.drift() == {}


def test_move_to_the_same_slot_changes_nothing(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)

    b.move(registration, slot)

    assert _trail(registration) == [("registered", 1)]
    assert b.drift() == {}


def test_move_to_a_date_with_another_registration_is_refused(household: Household) -> None:
    old = factories.EventSlotFactory()
    hour = factories.EventHourFactory()
    taken, free = factories.EventSlotFactory.create_batch(2, event_hour=hour)
    registration = b.register(household, old)
    first = b.register(household, taken)

    with pytest.raises(AlreadyRegistered) as refusal:
        b.move(registration, free)

    assert refusal.value.extra == {"registration_id": first.pk}
    assert b.drift() == {}


def test_move_between_a_slot_and_a_date_without_slots(household: Household) -> None:
    slot, day = factories.EventSlotFactory(), factories.EventDateFactory(capacity=1)
    registration = b.register(household, slot)

    b.move(registration, day)

    moved = EventRegistration.objects.get(pk=registration.pk)
    assert (moved.event_slot_id, moved.event_date_id) == (None, day.pk)
    assert (b.reserved(slot), b.reserved(day)) == (0, 1)
    assert b.drift() == {}


def test_move_of_a_cancelled_registration_is_refused(household: Household) -> None:
    old, new = factories.EventSlotFactory.create_batch(2)
    registration = b.register(household, old)
    b.cancel(registration)

    with pytest.raises(InvalidStatus):
        b.move(registration, new)


def _slots(*capacities: int) -> list[EventSlot]:
    hour = factories.EventHourFactory()
    return [
        factories.EventSlotFactory(event_hour=hour, capacity=capacity, start_time_key=900 + 15 * at)
        for at, capacity in enumerate(capacities)
    ]


def _move(registration: EventRegistration, slot: EventSlot, **options: object) -> EventRegistration:
    fresh = EventRegistration.objects.get(pk=registration.pk)
    return booking.move(fresh, target=b.target_of(slot), by=b.STAFF, **options)  # type: ignore[arg-type]


def test_move_can_leave_the_queue_where_it_is() -> None:
    old, new = _slots(1, 1)
    mover, waiting = factories.households(2)
    registration, waits = b.register(mover, old), b.register(waiting, old)

    _move(registration, new, keep_queue=True)

    assert b.status_of(waits) == "waitlisted"
    assert (b.reserved(old), b.reserved(new)) == (0, 1)
    left = AuditEvent.objects.get(action="moved_from")
    assert left.details == {"queue_kept": True}
    assert wording.notes(left) == "Nobody was promoted: the waitlist was kept as it was."
    assert b.drift() == {}


def test_a_waiting_registration_can_wait_at_the_new_slot_behind_its_queue() -> None:
    old, new = _slots(0, 0)
    first, second, third = factories.households(3)
    here = [b.register(household, old) for household in (first, second)]
    b.register(third, new)

    for registration in here:
        moved = _move(registration, new, join_waitlist=True, note={"reason": "late truck"})
        assert moved.status_in_words == "waitlisted"

    assert b.queue(new) == [third.pk, first.pk, second.pk]
    assert _trail(here[0]) == [("waitlisted", 0), ("moved_from", 0), ("moved_to", 0)]
    moves = AuditEvent.objects.filter(action__startswith="moved")
    assert [event.details for event in moves] == [{"reason": "late truck"}] * 4
    assert b.drift() == {}


def test_a_confirmed_registration_never_gives_its_place_for_a_queue() -> None:
    old, new = _slots(1, 0)
    registration = b.register(factories.households(1)[0], old)

    with pytest.raises(CapacityFull):
        _move(registration, new, join_waitlist=True)

    assert b.status_of(registration) == "confirmed"
    assert (b.reserved(old), b.drift()) == (1, {})


def test_the_queue_of_a_date_that_has_slots_by_now_is_not_promoted() -> None:
    day = factories.EventDateFactory(capacity=1)
    leaver, waiting = factories.households(2)
    registration, waits = b.register(leaver, day), b.register(waiting, day)
    slot = factories.EventSlotFactory(event_hour__event_date=day)

    b.move(registration, slot)
    EventDate.objects.filter(pk=day.pk).update(capacity=9)
    promoted = waitlist.promote(b.target_of(day), by=b.STAFF)

    assert promoted == []
    assert waitlist.promote_everywhere(by=b.STAFF) == (0, 0)
    assert b.status_of(waits) == "waitlisted"
    assert (b.reserved(slot), b.reserved(day)) == (1, 1)
    assert b.drift() == {}
