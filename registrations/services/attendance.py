"""Check-ins and no-shows. No counter moves: the registration keeps its place.

Needs only freshtrak_private, so that check-in works while public is down. Each function writes the
trail, and for a check-in or an undo also a check-in record, in the same transaction as the change.
If it raises a RegistrationError, it has written nothing.
"""

from collections.abc import Container, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent, CheckIn
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import AlreadyCheckedIn, InvalidStatus, StaleRegistration
from registrations.models import EventRegistration, Status
from registrations.queries import households, registrations, statuses
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import booking, facts
from registrations.services.retry import retried
from schedules.targets import Target

Action = AuditEvent.Action

BATCH = 100
"""How many registrations close-out marks as no-show in one transaction."""


@retried
def check_in(
    registration: EventRegistration,
    *,
    attendee_ids: Sequence[int] | None = None,
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Records that the household is here, with these of its attendees (None: all of them).

    Latecomers can be checked in after they were marked no-show. Raises AlreadyCheckedIn, which
    says who did it and when, InvalidStatus, and InvalidRequest for somebody who is no attendee.
    """
    now = timezone.now()
    registrations.reload(registration)
    if registration.status is Status.CHECKED_IN:
        raise already_checked_in(registration)
    _require(registration, {Status.CONFIRMED, Status.NO_SHOW}, "cannot be checked in")
    came = households.attending(registration, attendee_ids)
    with transaction.atomic(using=PRIVATE, durable=True):
        _admit(registration, came, by=by, at=now)
        if before_commit:
            before_commit(RegistrationDetails(registration))
    return registration


def walk_in(
    *,
    household_id: int = 0,
    attendee_ids: Sequence[int] = (),
    target: Target,
    override_reason: str,
    by: Actor,
    enrol: booking.Enrol | None = None,
) -> EventRegistration:
    """Books a place for a household at the gate and checks it in.

    One private transaction does both or neither; with `enrol`, as in `booking.register`, all three.
    Raises what `booking.register` raises, and CapacityFull if no place is free, because a walk-in
    does not join the waitlist.
    """

    def admit(booked: RegistrationDetails) -> None:
        registration = booked.registration
        came = [member.pk for member in booked.attendees]
        _admit(registration, came, by=by, at=registration.updated_at)

    return booking.register(
        household_id=household_id,
        attendee_ids=attendee_ids,
        target=target,
        join_waitlist=False,
        override_reason=override_reason,
        by=by,
        before_commit=admit,
        enrol=enrol,
    )


def _admit(
    registration: EventRegistration, came: Sequence[int], *, by: Actor, at: datetime
) -> None:
    # A guarded update: if two devices check in at once, or one checks in while another cancels or
    # moves, one of them finds the row changed and starts again.
    registration.transition_to(
        statuses.row_for(Status.CHECKED_IN), at=at, by=by.legacy_id, checked_in_at=at
    )
    facts.record(Action.CHECKED_IN, registration, by=by, at=at, attendees=came)
    _record_check_in(CheckIn.Action.CHECK_IN, registration, came, by=by, at=at)


@retried
def undo_check_in(
    registration: EventRegistration, *, by: Actor, before_commit: BeforeCommit | None = None
) -> EventRegistration:
    """Undoes a check-in: the registration is confirmed again. Raises InvalidStatus."""
    now = timezone.now()
    registrations.reload(registration)
    _require(registration, {Status.CHECKED_IN}, "has no check-in to undo")
    with transaction.atomic(using=PRIVATE, durable=True):
        registration.transition_to(
            statuses.row_for(Status.CONFIRMED), at=now, by=by.legacy_id, checked_in_at=None
        )
        facts.record(Action.CHECK_IN_UNDONE, registration, by=by, at=now)
        _record_check_in(CheckIn.Action.UNDO, registration, [], by=by, at=now)
        if before_commit:
            before_commit(RegistrationDetails(registration))
    return registration


@retried
def mark_no_show(
    registration: EventRegistration, *, by: Actor, before_commit: BeforeCommit | None = None
) -> EventRegistration:
    """Records that nobody came. Doing it twice changes nothing. Raises InvalidStatus."""
    now = timezone.now()
    registrations.reload(registration)
    with transaction.atomic(using=PRIVATE, durable=True):
        if registration.status is not Status.NO_SHOW:
            _require(registration, {Status.CONFIRMED}, "cannot be marked as a no-show")
            _mark_no_show(registration, by=by, at=now)
        if before_commit:
            before_commit(RegistrationDetails(registration))
    return registration


def close_out(event_date_id: int, *, by: Actor) -> int:
    """Marks every registration of a date that is still expected as no-show; returns how many.

    Works in batches of one transaction each: if it stops halfway, the next call continues.
    Households that are checked in meanwhile stay checked in. Raises Busy.
    """
    marked = last = 0
    while batch := list(_expected(event_date_id).filter(pk__gt=last)[:BATCH]):
        marked += _mark_absent(event_date_id, [registration.pk for registration in batch], by=by)
        last = batch[-1].pk
    return marked


def _expected(event_date_id: int) -> QuerySet[EventRegistration]:
    confirmed = statuses.rows_meaning(Status.CONFIRMED)
    expected = EventRegistration.objects.filter(
        event_date_id=event_date_id, event_status__in=confirmed
    )
    return expected.order_by("pk")


@retried
def _mark_absent(event_date_id: int, registration_ids: Sequence[int], *, by: Actor) -> int:
    now, marked = timezone.now(), 0
    with transaction.atomic(using=PRIVATE, durable=True):
        for registration in _expected(event_date_id).filter(pk__in=registration_ids):
            try:
                _mark_no_show(registration, by=by, at=now)
            except StaleRegistration:  # just checked in: it stays checked in
                continue
            marked += 1
    return marked


def _mark_no_show(registration: EventRegistration, *, by: Actor, at: datetime) -> None:
    registration.transition_to(statuses.row_for(Status.NO_SHOW), at=at, by=by.legacy_id)
    facts.record(Action.NO_SHOW, registration, by=by, at=at)


def already_checked_in(registration: EventRegistration) -> AlreadyCheckedIn:
    """The refusal that tells the second device who was first, and when."""
    first = CheckIn.objects.filter(registration_id=registration.pk).order_by("pk").last()
    if first is None or registration.checked_in_at is None:  # adopted: not recorded
        return AlreadyCheckedIn()
    at = timezone.localtime(registration.checked_in_at)
    return AlreadyCheckedIn(checked_in_at=at, checked_in_by=first.actor_id)


def _require(
    registration: EventRegistration, allowed: Container[Status | None], refusal: str
) -> None:
    if registration.status not in allowed:
        raise InvalidStatus(f"A {registration.status_in_words} registration {refusal}.")


def _record_check_in(
    action: CheckIn.Action,
    registration: EventRegistration,
    came: Sequence[int],
    *,
    by: Actor,
    at: datetime,
) -> None:
    record = CheckIn(action=action, **facts.about(registration, by=by, at=at))
    trail.record_check_in(record, came)
