"""What participants may no longer do, and what a refusal leaves standing."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from audit.models import AuditEvent
from freshtrak.databases import PUBLIC
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    EventPast,
    HouseholdNotResolved,
)
from registrations.models import EventRegistration, Household
from registrations.services import attendees, booking
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories

ALL = ("cancel", "move", "change")


def _doing(what: str, registration: EventRegistration, by: Any) -> Callable[[], Any]:
    row = EventRegistration.objects.get(pk=registration.pk)
    if what == "cancel":
        return partial(booking.cancel, row, by=by)
    if what == "change":
        members = list(row.attendees.values_list("household_member_id", flat=True))
        return partial(attendees.change, row, attendee_ids=members, by=by)
    slot = EventSlot.objects.exclude(pk=row.event_slot_id).get()
    return partial(booking.move, row, target=Target.slot(slot.pk), by=by)


def _do(what: str, registration: EventRegistration, by: Any) -> Any:
    return _doing(what, registration, by)()


@pytest.fixture
def registration() -> EventRegistration:
    """Booked at a slot of a date that is over; there is another slot next week."""
    slot = factories.EventSlotFactory(event_hour__event_date__event_date_key=factories.in_days(1))
    factories.EventSlotFactory()
    booked: EventRegistration = b.register(factories.households(1)[0], slot)
    EventDate.objects.filter(pk=booked.event_date_id).update(event_date_key=factories.in_days(-1))
    return booked


@pytest.mark.parametrize("what", ALL)
def test_participants_change_nothing_after_the_day_but_staff_may(
    registration: EventRegistration, what: str
) -> None:
    events = AuditEvent.objects.count()

    with pytest.raises(EventPast):
        _do(what, registration, b.BY)
    assert AuditEvent.objects.count() == events
    _do(what, registration, b.STAFF)

    assert AuditEvent.objects.filter(actor_id="99").exists()
    assert b.drift() == {}


@pytest.mark.parametrize("what", ALL)
def test_the_day_lasts_until_midnight_where_the_event_is(
    registration: EventRegistration, what: str
) -> None:
    """It is noon in New York: in Auckland it is 4 a.m. of the next day."""
    EventDate.objects.filter(pk=registration.event_date_id).update(
        event_date_key=factories.in_days(0)
    )
    event = EventDate.objects.get(pk=registration.event_date_id).event
    type(event).objects.filter(pk=event.pk).update(time_zone="Pacific/Auckland")

    with pytest.raises(EventPast):
        _do(what, registration, b.BY)

    type(event).objects.filter(pk=event.pk).update(time_zone="Pacific/Honolulu")
    _do(what, registration, b.BY)


def test_cancelling_again_after_the_day_still_changes_nothing(
    registration: EventRegistration,
) -> None:
    booking.cancel(registration, by=b.STAFF)

    assert b.status_of(_do("cancel", registration, b.BY)) == "cancelled"


@pytest.mark.parametrize("what", ALL)
def test_a_slot_that_is_gone_is_judged_by_its_date(
    registration: EventRegistration, what: str
) -> None:
    EventSlot.objects.filter(pk=registration.event_slot_id).delete()

    with pytest.raises(EventPast):
        _do(what, registration, b.BY)

    EventDate.objects.filter(pk=registration.event_date_id).delete()
    _do(what, registration, b.BY)


@pytest.mark.parametrize("what", ALL)
def test_without_public_nobody_acts_without_knowing_the_day(
    registration: EventRegistration, what: str
) -> None:
    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    events = AuditEvent.objects.count()
    do = _doing(what, registration, b.BY)
    with connections[PUBLIC].execute_wrapper(no_answer), pytest.raises(OperationalError):
        do()

    assert AuditEvent.objects.count() == events


def test_a_deleted_household_only_gives_back_what_it_has() -> None:
    slot = factories.EventSlotFactory()
    factories.EventSlotFactory()
    registration = b.register(factories.households(1)[0], slot)
    Household.objects.update(deleted_on=timezone.now())

    for what in ("move", "change"):
        with pytest.raises(HouseholdNotResolved):
            _do(what, registration, b.BY)
    assert b.status_of(registration) == "confirmed"
    _do("cancel", registration, b.BY)

    assert (b.status_of(registration), b.reserved(slot)) == ("cancelled", 0)
    assert b.drift() == {}


def test_a_refused_newcomer_leaves_the_queue_what_it_was_given() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    head, newcomer = factories.households(2)
    waits = b.register(head, slot)
    EventSlot.objects.update(capacity=1)

    with pytest.raises(CapacityFull):
        b.register(newcomer, slot, join_waitlist=False)

    assert b.status_of(waits) == "confirmed"
    assert EventRegistration.objects.count() == 1
    assert (b.reserved(slot), b.pending(), b.drift()) == (1, 0, {})


def test_a_newcomer_who_has_a_place_that_day_leaves_it_too() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    other = factories.EventSlotFactory(event_hour=slot.event_hour, capacity=1)
    head, newcomer = factories.households(2)
    waits, placed = b.register(head, slot), b.register(newcomer, other)
    EventSlot.objects.update(capacity=1)

    with pytest.raises(AlreadyRegistered) as refusal:
        b.register(newcomer, slot, join_waitlist=False)

    assert refusal.value.extra == {"registration_id": placed.pk}
    assert b.status_of(waits) == "confirmed"
    assert b.drift() == {}


def test_a_closed_target_stays_as_it_is_when_a_newcomer_is_refused() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    head, newcomer = factories.households(2)
    waits = b.register(head, slot)
    EventSlot.objects.update(capacity=1)
    EventDate.objects.update(published_end_datetime=timezone.now() - timedelta(minutes=1))

    with pytest.raises(CapacityFull):
        b.register(newcomer, slot, join_waitlist=False, override_reason="walk-in", by=b.STAFF)

    assert (b.status_of(waits), b.reserved(slot), b.drift()) == ("waitlisted", 0, {})
