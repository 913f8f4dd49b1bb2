"""Check-ins and no-shows. No counter moves: the registration keeps its place.

Writes only to freshtrak_private, and checks people in while public is down; public is asked for the
day (attendance_rules). Each function writes the trail, and for a check-in or an undo also a
check-in record, in the same transaction as the change. If it raises a RegistrationError, it has
written nothing.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent, CheckIn
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import (
    AlreadyCheckedIn,
    FieldError,
    InvalidRequest,
    InvalidStatus,
)
from registrations.models import EventRegistration, Status
from registrations.queries import details, households, registrations, statuses
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import attendance_rules, booking, facts, places
from registrations.services.retry import retried
from schedules.keys import When
from schedules.targets import Target

Action = AuditEvent.Action


@retried
def check_in(
    registration: EventRegistration,
    *,
    attendee_ids: Sequence[int] | None = None,
    override_reason: str = "",
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Records that the household is here, with these of its attendees (None: all of them).

    Latecomers can be checked in after they were marked no-show; who waits, as check_in_waiting
    says. Raises AlreadyCheckedIn, which says who did it and when, InvalidStatus, InvalidRequest
    for somebody who is no attendee, and NotToday before the day, unless an `override_reason` is
    given, which the trail keeps.
    """
    now = timezone.now()
    registrations.reload(registration)
    if registration.status is Status.WAITLISTED and registration.is_placed:
        return check_in_waiting(
            registration, attendee_ids=attendee_ids, by=by, before_commit=before_commit
        )
    if registration.status is Status.CHECKED_IN:
        raise already_checked_in(registration)
    _require(registration, {Status.CONFIRMED, Status.NO_SHOW}, "cannot be checked in")
    on_day = attendance_rules.check_day(
        details.schedule_of(registration), now=now, reason=override_reason
    )
    came = households.attending(registration, attendee_ids)
    with transaction.atomic(using=PRIVATE, durable=True):
        record = _admit(registration, came, by=by, at=now, **on_day)
        if before_commit:
            before_commit(RegistrationDetails(registration, check_in=record))
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
    Raises what `booking.register` raises, CapacityFull if no place is free, because a walk-in does
    not join the waitlist, and NotToday before the day, unless there is an `override_reason`.
    """

    def admit(booked: RegistrationDetails) -> None:
        registration, at = booked.registration, booked.registration.updated_at
        on_day = attendance_rules.check_day(booked, now=at, reason=override_reason)
        came = [member.pk for member in booked.attendees]
        _admit(registration, came, by=by, at=at, **on_day)

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


def came_today(
    registration: EventRegistration,
    *,
    target: Target,
    attendee_ids: Sequence[int] | None = None,
    override_reason: str,
    by: Actor,
) -> EventRegistration:
    """Checks in, at a place of today, a household that is registered for another day.

    One operation, or nothing: a registration for a day to come moves to `target`; one of a past day
    stays as it is, and those who came are registered there. Capacity and waitlist count as in a
    move. `override_reason` is never empty; the trail keeps it. Returns the registration of today.
    Raises what `booking.move` and `booking.register` raise, and NotToday if `target` is not today.
    """
    if not override_reason.strip():
        detail = "Say why the household came today."
        raise InvalidRequest(FieldError("override_reason", "required", detail))
    registrations.reload(registration)
    expected = {Status.CONFIRMED, Status.WAITLISTED, Status.NO_SHOW}
    _require(registration, expected, "cannot be checked in on another day")
    earlier = details.schedule_of(registration).appointment
    when = earlier.when(timezone.now()) if earlier else None
    if when is When.TODAY:
        raise InvalidStatus("This registration is for today: check it in.")
    came = households.attending(registration, attendee_ids)
    instead_of = registration.event_date_id

    def admit(booked: RegistrationDetails) -> None:
        at = booked.registration.updated_at
        attendance_rules.check_is_today(booked, at)
        facts_of_day = {"instead_of": instead_of, "override_reason": override_reason}
        _admit(booked.registration, came, by=by, at=at, **facts_of_day)

    if when is When.PAST:
        return booking.register(
            household_id=registration.household_id or 0,
            attendee_ids=came,
            target=target,
            join_waitlist=False,
            override_reason=override_reason,
            by=by,
            before_commit=admit,
        )
    return booking.move(
        registration, target=target, override_reason=override_reason, by=by, before_commit=admit
    )


def check_in_waiting(
    registration: EventRegistration,
    *,
    target: Target | None = None,
    reason: str = "",
    attendee_ids: Sequence[int] | None = None,
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Gives a waiting household a free place and checks it in: one private transaction.

    At `target`, by default where it waits; with a `reason`, also past others who have waited
    longer. Raises what `places.give` and `check_in` raise.
    """

    def admit(given: RegistrationDetails) -> None:
        came = households.attending(registration, attendee_ids)
        record = _admit(registration, came, by=by, at=registration.updated_at)
        if before_commit:
            before_commit(replace(given, check_in=record))

    try:
        return places.give(registration, target=target, reason=reason, by=by, before_commit=admit)
    except InvalidStatus:
        if registration.status in {Status.WAITLISTED, None}:
            raise
        # Another device was first: with the place, or with the check-in too.
        return check_in(registration, attendee_ids=attendee_ids, by=by, before_commit=before_commit)


def _admit(
    registration: EventRegistration, came: Sequence[int], *, by: Actor, at: datetime, **on_day: Any
) -> CheckIn:
    # A guarded update: if two devices check in at once, or one checks in while another cancels or
    # moves, one of them finds the row changed and starts again.
    registration.transition_to(
        statuses.row_for(Status.CHECKED_IN), at=at, by=by.legacy_id, checked_in_at=at
    )
    facts.record(Action.CHECKED_IN, registration, by=by, at=at, attendees=came, **on_day)
    return _record_check_in(CheckIn.Action.CHECK_IN, registration, came, by=by, at=at)


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
    registration: EventRegistration,
    *,
    override_reason: str = "",
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Records that nobody came. Doing it twice changes nothing.

    Raises InvalidStatus; and without an `override_reason`, NotToday before the day, and DayUnknown
    while public does not answer: nobody at the gate waits for it.
    """
    now = timezone.now()
    registrations.reload(registration)
    on_day: dict[str, Any] = {}
    is_marked = registration.status is Status.NO_SHOW
    if not is_marked:
        _require(registration, {Status.CONFIRMED}, "cannot be marked as a no-show")
        shown = details.schedule_of(registration)
        on_day = attendance_rules.check_day(
            shown, now=now, reason=override_reason, may_be_unknown=False
        )
    with transaction.atomic(using=PRIVATE, durable=True):
        if not is_marked:
            record_no_show(registration, by=by, at=now, **on_day)
        if before_commit:
            before_commit(RegistrationDetails(registration))
    return registration


def record_no_show(
    registration: EventRegistration, *, by: Actor, at: datetime, **on_day: Any
) -> None:
    """Writes it in the caller's transaction. Raises StaleRegistration if somebody was faster."""
    registration.transition_to(statuses.row_for(Status.NO_SHOW), at=at, by=by.legacy_id)
    facts.record(Action.NO_SHOW, registration, by=by, at=at, **on_day)


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
) -> CheckIn:
    record = CheckIn(action=action, **facts.about(registration, by=by, at=at))
    trail.record_check_in(record, came)
    return record
