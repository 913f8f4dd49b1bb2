"""Giving a place back, and who gets it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from registrations.errors import (
    AlreadyRegistered,
    InvalidStatus,
)
from registrations.models import EventRegistration, EventStatus, Household, HouseholdMember
from registrations.services import waitlist
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


def test_cancel_frees_the_place(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)

    b.cancel(registration)

    assert b.status_of(registration) == "cancelled"
    assert _trail(registration) == [("registered", 1), ("cancelled", -1)]
    assert b.reserved(slot) == 0
    assert b.drift() == {}


def test_cancel_twice_changes_nothing_the_second_time(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    first = b.cancel(registration)

    second = b.cancel(registration)

    assert second.cancelled_at == first.cancelled_at
    assert _trail(registration) == [("registered", 1), ("cancelled", -1)]
    assert b.reserved(slot) == 0


def test_cancel_promotes_the_head_and_moves_no_counter() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    elsewhere = factories.EventSlotFactory(event_hour=slot.event_hour, capacity=0)
    holder, head, next_, at_other_slot = factories.households(4)
    registration = b.register(holder, slot)
    promoted = b.register(head, slot)
    b.register(next_, slot)
    b.register(at_other_slot, elsewhere)
    stamp = EventSlot.objects.get(pk=slot.pk).last_update

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert _trail(promoted) == [("waitlisted", 0), ("promoted", 1)]
    assert b.queue(slot) == [next_.pk]
    assert b.queue(elsewhere) == [at_other_slot.pk]
    assert EventSlot.objects.get(pk=slot.pk).last_update == stamp
    assert b.pending() == 0
    assert b.drift() == {}


def test_cancel_at_a_date_without_slots_promotes_there() -> None:
    day = factories.EventDateFactory(capacity=1)
    holder, head = factories.households(2)
    registration = b.register(holder, day)
    promoted = b.register(head, day)

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert b.drift() == {}


def test_cancel_of_a_waiting_registration_promotes_no_one() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, head, next_ = factories.households(3)
    b.register(holder, slot)
    waiting = b.register(head, slot)
    b.register(next_, slot)
    EventSlot.objects.update(capacity=5)

    b.cancel(waiting)

    assert _trail(waiting) == [("waitlisted", 0), ("cancelled", 0)]
    assert b.queue(slot) == [next_.pk]
    assert b.drift() == {}


@pytest.mark.parametrize("status", ["checked_in", "no_show"])
def test_cancel_is_refused_once_attendance_is_recorded(household: Household, status: str) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    EventRegistration.objects.update(event_status=EventStatus.objects.get(name=status))

    with pytest.raises(InvalidStatus):
        b.cancel(registration)

    assert b.status_of(registration) == status
    assert b.drift() == {}


def test_cancel_skips_households_that_can_no_longer_come() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, gone, without_members, next_ = factories.households(4)
    registration = b.register(holder, slot)
    for household in (gone, without_members):
        b.register(household, slot)
    promoted = b.register(next_, slot)
    Household.objects.filter(pk=gone.pk).update(deleted_on=timezone.now())
    HouseholdMember.objects.filter(household=without_members).update(is_active=False)

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert b.queue(slot) == [gone.pk, without_members.pk]
    assert b.drift() == {}


def test_waiting_household_cannot_hold_another_place_that_day(household: Household) -> None:
    hour = factories.EventHourFactory()
    full, free = (
        factories.EventSlotFactory(event_hour=hour, capacity=0),
        factories.EventSlotFactory(event_hour=hour, capacity=1),
    )
    b.register(household, full)

    with pytest.raises(AlreadyRegistered):
        b.register(household, free)


def test_cancel_after_closing_promotes_no_one() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, head = factories.households(2)
    registration = b.register(holder, slot)
    b.register(head, slot)
    EventDate.objects.update(published_end_datetime=timezone.now() - timedelta(minutes=1))

    b.cancel(registration)

    assert b.queue(slot) == [head.pk]
    assert b.reserved(slot) == 0
    assert b.drift() == {}


def test_cancel_at_a_deleted_slot(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    EventSlot.objects.all().delete()

    b.cancel(registration)

    assert b.status_of(registration) == "cancelled"
    assert b.reserved(slot.event_hour.event_date) == 0
    assert b.pending() == 0


def test_newcomer_comes_after_the_queue_once_capacity_is_raised() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    households = factories.households(5)
    for household in households[:3]:
        b.register(household, slot)
    EventSlot.objects.update(capacity=4)

    one = b.register(households[3], slot)
    other = b.register(households[4], slot)

    assert b.queue(slot) == [households[4].pk]
    assert (b.status_of(one), b.status_of(other)) == ("confirmed", "waitlisted")
    assert b.reserved(slot) == 4
    assert b.drift() == {}


def test_newcomer_passes_a_queue_that_cannot_be_promoted() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    gone, newcomer = factories.households(2)
    b.register(gone, slot)
    Household.objects.filter(pk=gone.pk).update(deleted_on=timezone.now())
    EventSlot.objects.update(capacity=1)

    assert b.status_of(b.register(newcomer, slot)) == "confirmed"


def test_capacity_lowered_below_reserved_drops_no_one_and_admits_no_one() -> None:
    slot = factories.EventSlotFactory(capacity=3)
    households = factories.households(4)
    held = [b.register(h, slot) for h in households[:3]]
    EventSlot.objects.update(capacity=1)

    newcomer = b.register(households[3], slot)
    b.cancel(held[0])

    assert [b.status_of(r) for r in held] == ["cancelled", "confirmed", "confirmed"]
    assert b.status_of(newcomer) == "waitlisted"
    assert b.drift() == {}


def test_promote_fills_raised_capacity_in_order() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    households = factories.households(4)
    for household in households:
        b.register(household, slot)
    EventSlot.objects.update(capacity=3)

    promoted = waitlist.promote(Target.slot(slot.pk), by=b.BY)

    assert [r.household_id for r in promoted] == [h.pk for h in households[:3]]
    assert b.reserved(slot) == 3
    assert b.drift() == {}


def test_promote_does_nothing_once_booking_is_closed() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    (household,) = factories.households(1)
    b.register(household, slot)
    EventSlot.objects.update(capacity=3)
    EventDate.objects.update(accept_reservations=0)

    assert waitlist.promote(Target.slot(slot.pk), by=b.BY) == []
