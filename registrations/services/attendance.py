"""Who is to come, who came, who did not. No counter moves: the place stays held.

Needs freshtrak_private only, so that a gate goes on working while public is down. Each function
writes the trail, and for a check-in or its undoing a record of its own, in one transaction with
the change; raises a RegistrationError and has written nothing.
"""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent, CheckIn
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import AlreadyCheckedIn, InvalidStatus
from registrations.models import PLACE_FIELDS, EventRegistration, EventStatus, Status
from registrations.queries import households, places
from registrations.services import booking, protocol
from registrations.services.booking import OnWritten, nothing, write_attendees

Action = AuditEvent.Action

BATCH = 100
"""How many are marked no-show in one transaction at close-out."""


@protocol.retried
def check_in(
    registration: EventRegistration,
    *,
    attendee_ids: Sequence[int] | None = None,
    by: Actor,
    on_written: OnWritten = nothing,
) -> EventRegistration:
    """Records that the household is here, with these of its attendees (all, if None).

    Late comers who were marked no-show can be checked in. Raises AlreadyCheckedIn with who did
    it and when, InvalidStatus, and InvalidRequest if somebody came who is not an attendee.
    """
    now = timezone.now()
    _look_again(registration)
    if registration.status is Status.CHECKED_IN:
        raise already_checked_in(registration)
    _require(registration, {Status.CONFIRMED, Status.NO_SHOW}, "checked in")
    came = households.attending(registration, attendee_ids)
    with transaction.atomic(using=PRIVATE, durable=True):
        _admit(registration, came, by=by, at=now)
        on_written(registration)
    return registration


def walk_in(
    *,
    household_id: int,
    attendee_ids: Sequence[int],
    event_slot_id: int | None = None,
    event_date_id: int | None = None,
    override_reason: str,
    by: Actor,
) -> EventRegistration:
    """Books a place for a household that stands at the gate, and checks it in, at once.

    One private transaction: it is booked and here, or neither. Raises what `booking.register`
    raises; CapacityFull where no place is free, for nobody waits at a gate.
    """

    def admit(registration: EventRegistration) -> None:
        _admit(registration, list(attendee_ids), by=by, at=registration.updated_at)

    return booking.register(
        household_id=household_id,
        attendee_ids=attendee_ids,
        event_slot_id=event_slot_id,
        event_date_id=event_date_id,
        join_waitlist=False,
        override_reason=override_reason,
        by=by,
        on_written=admit,
    )


def _admit(
    registration: EventRegistration, came: Sequence[int], *, by: Actor, at: datetime
) -> None:
    registration.checked_in_at = at
    _change(registration, places.status_row(Status.CHECKED_IN), by=by, at=at)
    _record(registration, Action.CHECKED_IN, by=by, at=at, attendees=came)
    trail.record_check_in(
        CheckIn(action=CheckIn.Action.CHECK_IN, **_facts(registration, by, at)), came
    )


@protocol.retried
def undo_check_in(
    registration: EventRegistration, *, by: Actor, on_written: OnWritten = nothing
) -> EventRegistration:
    """Takes a check-in back: the registration is confirmed again. Raises InvalidStatus."""
    now = timezone.now()
    _look_again(registration)
    _require(registration, {Status.CHECKED_IN}, "taken back")
    with transaction.atomic(using=PRIVATE, durable=True):
        registration.checked_in_at = None
        _change(registration, places.status_row(Status.CONFIRMED), by=by, at=now)
        _record(registration, Action.CHECK_IN_UNDONE, by=by, at=now)
        trail.record_check_in(
            CheckIn(action=CheckIn.Action.UNDO, **_facts(registration, by, now)), []
        )
        on_written(registration)
    return registration


@protocol.retried
def mark_no_show(
    registration: EventRegistration, *, by: Actor, on_written: OnWritten = nothing
) -> EventRegistration:
    """Records that nobody came. A second time changes nothing. Raises InvalidStatus."""
    now = timezone.now()
    _look_again(registration)
    with transaction.atomic(using=PRIVATE, durable=True):
        if registration.status is not Status.NO_SHOW:
            _require(registration, {Status.CONFIRMED}, "marked no-show")
            _change(registration, places.status_row(Status.NO_SHOW), by=by, at=now)
            _record(registration, Action.NO_SHOW, by=by, at=now)
        on_written(registration)
    return registration


def close_out(event_date_id: int, *, by: Actor) -> int:
    """Marks everybody of a date who is still expected as no-show; returns how many.

    In batches, each of them one transaction: stopped half-way, it goes on when called again.
    Whoever is checked in meanwhile stays so. Raises Busy.
    """
    marked = last = 0
    while batch := list(_expected(event_date_id).filter(pk__gt=last)[:BATCH]):
        marked += _mark_absent(event_date_id, [row.pk for row in batch], by=by)
        last = batch[-1].pk
    return marked


def _expected(event_date_id: int) -> QuerySet[EventRegistration]:
    confirmed = places.rows_meaning(Status.CONFIRMED)
    rows = EventRegistration.objects.filter(event_date_id=event_date_id, event_status__in=confirmed)
    return rows.order_by("pk")


@protocol.retried
def _mark_absent(event_date_id: int, registration_ids: Sequence[int], *, by: Actor) -> int:
    now, marked = timezone.now(), 0
    no_show = places.status_row(Status.NO_SHOW)
    with transaction.atomic(using=PRIVATE, durable=True):
        for registration in _expected(event_date_id).filter(pk__in=registration_ids):
            # Guarded as in _change; but one that was changed meanwhile is just left alone.
            if registration.become(no_show, at=now, by=by.legacy_id):
                _record(registration, Action.NO_SHOW, by=by, at=now)
                marked += 1
    return marked


@protocol.retried
def change_attendees(
    registration: EventRegistration,
    *,
    attendee_ids: Sequence[int],
    by: Actor,
    on_written: OnWritten = nothing,
) -> EventRegistration:
    """Other members of the household will come; the place stays as it is.

    Raises InvalidRequest, HouseholdNotResolved, and InvalidStatus unless it is confirmed or waits.
    """
    now = timezone.now()
    _look_again(registration)
    _require(registration, {Status.CONFIRMED, Status.WAITLISTED}, "changed")
    assert registration.event_status is not None
    members = households.attendees(registration.household_id or 0, attendee_ids)
    before = households.attending(registration, None)
    with transaction.atomic(using=PRIVATE, durable=True):
        # First, because it holds the row while attendees are exchanged.
        _change(registration, registration.event_status, by=by, at=now)
        registration.attendees.exclude(household_member_id__in=attendee_ids).delete()
        write_attendees(registration, [m for m in members if m.pk not in before])
        registration.attending = members
        came = {"attendees": list(attendee_ids), "before": before}
        _record(registration, Action.ATTENDEES_CHANGED, by=by, at=now, **came)
        on_written(registration)
    return registration


def already_checked_in(registration: EventRegistration) -> AlreadyCheckedIn:
    """The refusal that tells the second device who was first, and when."""
    first = CheckIn.objects.filter(registration_id=registration.pk).order_by("pk").last()
    if first is None or registration.checked_in_at is None:  # adopted: nobody knows
        return AlreadyCheckedIn()
    at = timezone.localtime(registration.checked_in_at)
    return AlreadyCheckedIn(checked_in_at=at, checked_in_by=first.actor_id)


def _look_again(registration: EventRegistration) -> None:
    registration.refresh_from_db(fields=PLACE_FIELDS)


def _require(
    registration: EventRegistration, statuses: Container[Status | None], what: str
) -> None:
    if registration.status not in statuses:
        raise InvalidStatus(f"The registration is {registration.event_status}: not to be {what}.")


def _change(
    registration: EventRegistration, status: EventStatus, *, by: Actor, at: datetime
) -> None:
    # Guarded by what was read: of two devices, or of a check-in and a cancellation or move at
    # once, one finds the row changed and looks again.
    if not registration.become(status, at=at, by=by.legacy_id):
        raise protocol.TryAgain("The registration was changed meanwhile.")


def _record(
    registration: EventRegistration,
    action: AuditEvent.Action,
    *,
    by: Actor,
    at: datetime,
    **details: Any,
) -> None:
    facts = _facts(registration, by, at)
    trail.append(AuditEvent(action=action, details=details, settled_at=at, **facts))


def _facts(registration: EventRegistration, by: Actor, at: datetime) -> dict[str, Any]:
    return {
        "at": at,
        "registration_id": registration.pk,
        "household_id": registration.household_id,
        "event_date_id": registration.event_date_id,
        "event_slot_id": registration.event_slot_id,
        "actor_kind": by.kind,
        "actor_id": by.id,
    }
