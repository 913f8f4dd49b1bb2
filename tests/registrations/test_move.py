"""Moving to another slot or date: all or nothing."""

import pytest

from audit.models import AuditEvent
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    InvalidStatus,
)
from registrations.models import EventRegistration, Household
from schedules.models import EventSlot
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
    b.register(waiting, new)
    EventSlot.objects.filter(pk=new.pk).update(capacity=1)

    with pytest.raises(CapacityFull):
        b.move(registration, new)

    assert b.queue(new) == [waiting.pk]


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
