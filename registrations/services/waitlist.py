"""The waitlist: first come, first served. A free place goes to its head before a newcomer."""

from datetime import datetime, timedelta

from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from registrations.errors import Busy
from registrations.models import EventRegistration, Status
from registrations.queries import places
from registrations.services import protocol
from registrations.services.protocol import Place
from schedules import appointments, counters
from schedules.appointments import Offer
from schedules.counters import Target


@protocol.retried
def promote(target: Target, *, by: Actor) -> list[EventRegistration]:
    """Gives the free places of a target to the head of its queue; returns who moved up.

    Nobody moves up once booking is closed. Raises Busy.
    """
    now = timezone.now()
    if not is_open(target, now):
        return []
    with protocol.locked(target, at=now) as operation:
        promoted = move_up(operation.place)
        if promoted:
            with operation.writing():
                write(operation.place, promoted, by=by)
    return promoted


def promote_everywhere(*, event_date_id: int | None = None, by: Actor) -> tuple[int, int]:
    """Promotes at every target where somebody waits, or at those of one date.

    For when capacity was raised and nobody books there. Returns how many moved up, and at how
    many targets others kept the lock: the next run finds those.
    """
    promoted = busy = 0
    for target in places.targets_with_queue(event_date_id):
        try:
            promoted += len(promote(target, by=by))
        except Busy:
            busy += 1
    return promoted, busy


def preview(target: Target, *, leaving: int, now: datetime) -> list[EventRegistration]:
    """Who would move up if so many places were given back now. A look without the lock: between
    it and the deed the world may change, and the deed decides anew."""
    counts = counters.look(target)
    if counts is None or not is_open(target, now):
        return []
    capacity, reserved = counts
    free = capacity - max(reserved, places.tally(target).holding) + leaving
    return places.eligible_queue(target, limit=free) if free > 0 else []


def is_open(target: Target, now: datetime) -> bool:
    """Whether places of `target` may still be given: nobody moves up once booking is closed."""
    offer = appointments.offer(target, now)
    return offer is not None and offer.is_open


def comes_first(place: Place, offer: Offer) -> bool:
    """Whether somebody waits whom a newcomer would overtake.

    Only where booking is closed, and a member of staff overrides that: then nobody moves up, and
    a free place is still not the newcomer's. (While it is open, `move_up` has been before.)
    """
    if offer.is_open or not place.tally.waiting:
        return False
    return bool(places.eligible_queue(place.target, limit=1))


def move_up(place: Place) -> list[EventRegistration]:
    """Takes the free places for the head of the queue, before any newcomer gets one."""
    if place.free <= 0 or not place.tally.waiting:
        return []
    promoted = places.eligible_queue(place.target, limit=place.free)
    for registration in promoted:
        place.take(registration.event_date_id)
    return promoted


def write(place: Place, promoted: list[EventRegistration], *, by: Actor) -> None:
    """Writes down who moved up, in the private transaction of the operation."""
    for registration in promoted:
        registration.waitlisted_at = None
        place.change(registration, Status.CONFIRMED, by=by)
        place.log(AuditEvent.Action.PROMOTED, registration, delta=1, by=by)


def end_of_queue(place: Place) -> datetime:
    """A time behind everybody who waits, whatever the clocks of other servers say."""
    last = place.tally.last_waitlisted_at
    return place.at if last is None else max(place.at, last + timedelta(microseconds=1))
