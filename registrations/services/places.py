"""Somebody waits and a place is free: staff give it, where no operation does so by itself.

Because booking is closed, because capacity was raised and nobody books, or because a household did
not come. Capacity always holds. So does the order of the queue, unless staff at the gate give a
reason, which the trail keeps. Each function is one operation under the protocol, like those of
`booking`.
"""

from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from registrations.errors import (
    NOT_BOOKABLE,
    CapacityFull,
    EventPast,
    FieldError,
    InvalidRequest,
    InvalidStatus,
    NobodyWaits,
    NotFirstInQueue,
    NotFound,
    NotToday,
    SlotRequired,
)
from registrations.models import EventRegistration, Status
from registrations.queries import statuses, targets
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import booking_rules, two_phase, waitlist
from registrations.services.retry import retried
from registrations.services.two_phase import LockedTarget, Operation
from schedules import appointments
from schedules.appointments import Appointment, Offer
from schedules.keys import When
from schedules.models import NOT_PUBLISHED
from schedules.targets import Target

Action = AuditEvent.Action


@retried
def promote(
    registration: EventRegistration,
    *,
    override_reason: str = "",
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Gives the head of a queue the place that is free there.

    Once booking is closed it needs an `override_reason`; after the day no reason helps. Raises
    InvalidStatus unless it waits and can come, NotBookable, SlotRequired, NotFirstInQueue,
    CapacityFull, Busy.
    """
    now = timezone.now()
    offer = _offer(registration.target, now)
    if offer.closed_reason and not waitlist.may_promote(offer, override_reason):
        raise NOT_BOOKABLE[offer.closed_reason]

    def take(operation: Operation) -> EventRegistration:
        place = operation.place
        _require_waiting(registration, place)
        if targets.waits_longer(place.target, registration):
            raise NotFirstInQueue
        _require_free(place)
        _seat(operation, registration, offer, **booking_rules.overridden(offer, override_reason))
        if before_commit:
            before_commit(RegistrationDetails(registration, offer.appointment))
        return registration

    return two_phase.run([registration.target], take, by=by, at=now)


@retried
def give(
    registration: EventRegistration,
    *,
    target: Target | None = None,
    reason: str = "",
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Gives a waiting household a free place of its day, on that day, booking open or not.

    At `target`, by default where it waits. If not all who have waited longer there can still get a
    place, it needs a `reason`; so does a place that is not published. Raises InvalidStatus unless
    it waits, can come, and the day is today; EventPast, NotPublished, InvalidRequest for a target
    of another date, SlotRequired, NotFirstInQueue, CapacityFull, Busy.
    """
    now = timezone.now()
    own, there = registration.target, target or registration.target
    offer = _offer(there, now)
    _require_today(offer.appointment, now)
    if offer.closed_reason == NOT_PUBLISHED and not reason:
        raise NOT_BOOKABLE[NOT_PUBLISHED]
    if there != own:
        booking_rules.check_belongs(
            offer.appointment, event_date_id=registration.event_date_id, event_id=None
        )

    def take(operation: Operation) -> EventRegistration:
        place = operation.places[there]
        _require_waiting(registration, operation.places[own])
        _require_free(place)
        longer = targets.waits_longer(there, registration)
        passes_by = longer >= place.free
        if passes_by and not reason:
            raise NotFirstInQueue
        _seat(
            operation,
            registration,
            offer,
            **({"passed_by": longer} if passes_by else {}),
            **({"reason": reason} if reason else {}),
        )
        if before_commit:
            before_commit(RegistrationDetails(registration, offer.appointment))
        return registration

    return two_phase.run(sorted({own, there}), take, by=by, at=now)


@retried
def pass_on(
    absent: EventRegistration,
    *,
    reason: str,
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Gives the place of a no-show to the head of the queue there; returns who has it now.

    On the day. The registration of the no-show is cancelled; the trail keeps that it was one, and
    the reason. Raises InvalidRequest without a reason, InvalidStatus unless it is a no-show of
    today, EventPast, NobodyWaits, CapacityFull if capacity was lowered meanwhile, Busy.
    """
    if not reason:
        detail = "Say why the place is given to the next."
        raise InvalidRequest(FieldError("reason", "required", detail))
    now = timezone.now()
    offer = _offer(absent.target, now)
    _require_today(offer.appointment, now)

    def hand_over(operation: Operation) -> EventRegistration:
        place = operation.place
        place.reload(absent)
        if absent.status is not Status.NO_SHOW:
            status = absent.status_in_words
            raise InvalidStatus(f"A {status} registration is no no-show: it keeps its place.")
        place.release(absent.event_date_id)
        _require_free(place)
        if not (queue := targets.eligible_queue(place.target, limit=1)):
            raise NobodyWaits
        # A guarded update: if another device checks the household in at this moment, one of the
        # two finds the row changed and starts again.
        absent.transition_to(
            statuses.row_for(Status.CANCELLED),
            at=now,
            by=by.legacy_id,
            cancelled_at=now,
        )
        operation.record(
            Action.CANCELLED, absent, place=place, delta=-1, was=Status.NO_SHOW.value, reason=reason
        )
        _seat(operation, queue[0], offer, place_of=absent.pk, reason=reason)
        if before_commit:
            before_commit(RegistrationDetails(queue[0], offer.appointment))
        return queue[0]

    # The counter stays as it is: one place is given back, and the same is taken.
    return two_phase.run(
        [absent.target], hand_over, by=by, at=now, expects_movement=two_phase.never
    )


def _offer(target: Target, now: datetime) -> Offer:
    offer = appointments.offer(target, now)
    if offer is None:
        raise NotFound("This time is no longer in the schedules.")
    if offer.needs_slot:
        raise SlotRequired
    return offer


def _require_today(appointment: Appointment, now: datetime) -> None:
    when = appointment.when(now)
    if when is When.PAST:
        raise EventPast
    if when is not When.TODAY:
        raise NotToday("This day is still to come: promote from the waitlist instead.")


def _require_waiting(registration: EventRegistration, place: LockedTarget) -> None:
    """It waits here, and somebody of it can still come."""
    place.reload(registration)
    if registration.status is not Status.WAITLISTED:
        raise InvalidStatus(f"A {registration.status_in_words} registration does not wait.")
    if not targets.eligible(place.target).filter(pk=registration.pk).exists():
        raise InvalidStatus("The household, or everybody named, is no longer active.")


def _require_free(place: LockedTarget) -> None:
    if place.free <= 0:
        raise CapacityFull("No place is free at this time.")


def _seat(
    operation: Operation, registration: EventRegistration, offer: Offer, **details: Any
) -> None:
    """Takes the place for a waiting registration, here or where it did not wait.

    If booking is open, what is left goes to the queue, as after every operation.
    """
    appointment = offer.appointment
    old = operation.places[registration.target]
    new = operation.places[
        Target.of(event_slot_id=appointment.event_slot_id, event_date_id=appointment.event_date_id)
    ]
    old.leave_queue()
    if old is new:
        action, changes = Action.PROMOTED, {}
        event_date_id = registration.event_date_id
    else:
        action, changes = Action.MOVED_TO, {"event_slot_id": appointment.event_slot_id}
        event_date_id = appointment.event_date_id
        operation.record(Action.MOVED_FROM, registration, place=old)
    new.take(event_date_id)
    registration.transition_to(
        statuses.row_for(Status.CONFIRMED),
        at=operation.at,
        by=operation.by.legacy_id,
        waitlisted_at=None,
        **changes,
    )
    operation.record(action, registration, place=new, delta=1, **details)
    if offer.is_open:
        waitlist.take_places_for_queue(operation, new)
