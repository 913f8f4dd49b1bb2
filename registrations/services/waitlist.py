"""The waitlist: first come, first served. A free place goes to its head before a newcomer."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from registrations.errors import Busy
from registrations.models import EventRegistration, Status
from registrations.queries import occupancy, statuses, targets
from registrations.services import booking_rules, two_phase
from registrations.services.retry import retried
from registrations.services.two_phase import LockedTarget, Operation
from schedules import appointments
from schedules.appointments import Offer
from schedules.models import EVENT_PAST
from schedules.targets import Target


@retried
def promote(target: Target, *, override_reason: str = "", by: Actor) -> list[EventRegistration]:
    """Gives the free places of a target to the head of its queue; returns who was promoted.

    Nobody is promoted once booking is closed, unless staff give an `override_reason`, which the
    trail keeps; after the day nobody is. Raises Busy.
    """
    now = timezone.now()
    offer = appointments.offer(target, now)
    if offer is None or not may_promote(offer, override_reason):
        return []
    overridden = booking_rules.overridden(offer, override_reason)

    def promote_head(operation: Operation) -> list[EventRegistration]:
        return take_places_for_queue(operation, operation.place, by=by, **overridden)

    return two_phase.run([target], promote_head, by=by, at=now, expects_movement=two_phase.never)


def promote_everywhere(*, event_date_id: int | None = None, by: Actor) -> tuple[int, int]:
    """Promotes at every target where somebody waits, or only at those of one date.

    Use it when capacity was raised and nobody books there. Returns how many were promoted, and how
    many targets were locked by others: the next run finds those.
    """
    promoted = busy = 0
    for target in targets.with_queue(event_date_id):
        try:
            promoted += len(promote(target, by=by))
        except Busy:
            busy += 1
    return promoted, busy


def preview(
    target: Target, *, leaving: int, now: datetime, override: bool = False
) -> list[EventRegistration]:
    """Who would be promoted if `leaving` places were given back now; with `override`, by staff who
    give a reason if booking is closed.

    Read without the lock: the state may change before the action, which decides again.
    """
    free = occupancy.free_places(target)
    offer = appointments.offer(target, now)
    if free is None or offer is None or not may_promote(offer, "a reason" if override else ""):
        return []
    free += leaving
    return targets.eligible_queue(target, limit=free) if free > 0 else []


def is_open(target: Target, now: datetime) -> bool:
    """Whether booking is open at `target`. Once it is closed nobody is promoted.

    Nor into a whole date that has slots by now: its places are those of the slots.
    """
    offer = appointments.offer(target, now)
    return offer is not None and offer.is_open and not offer.needs_slot


def needs_slot(target: Target) -> bool:
    """Whether it is a whole date that has slots by now: who waits for it has to choose one."""
    if not target.is_date:
        return False
    offer = appointments.offer(target, timezone.now())
    return offer is not None and offer.needs_slot


def may_promote(offer: Offer, override_reason: str) -> bool:
    """Whether anybody is promoted: while booking is open, and with a reason until the day is over.

    Never into a whole date that has slots by now: its places are those of the slots.
    """
    if offer.needs_slot:
        return False
    return offer.is_open or (bool(override_reason) and offer.closed_reason != EVENT_PAST)


def queue_has_priority(place: LockedTarget, offer: Offer) -> bool:
    """Whether a newcomer would overtake somebody who waits.

    This only happens when booking is closed and staff override that: nobody is promoted then, but a
    free place still does not go to the newcomer. (While booking is open, the waitlist has already
    been served.)
    """
    if offer.is_open or not place.ledger.waiting:
        return False
    return bool(targets.eligible_queue(place.target, limit=1))


def take_places_for_queue(
    operation: Operation, place: LockedTarget, *, by: Actor | None = None, **details: Any
) -> list[EventRegistration]:
    """Gives free places to the head of the waitlist, before any newcomer gets one.

    The trail names `by`, or the system if somebody else's operation frees the place; and `details`.
    """
    by = by or operation.by.as_system()
    if place.free <= 0 or not place.ledger.waiting:
        return []
    promoted = targets.eligible_queue(place.target, limit=place.free)
    for registration in promoted:
        place.leave_queue()
        place.take(registration.event_date_id)
        registration.transition_to(
            statuses.row_for(Status.CONFIRMED),
            at=operation.at,
            by=by.legacy_id,
            waitlisted_at=None,
        )
        operation.record(
            AuditEvent.Action.PROMOTED, registration, by=by, place=place, delta=1, **details
        )
    return promoted
