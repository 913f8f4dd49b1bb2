"""Booking a place, giving it back, and moving to another.

Every function is one operation under the protocol: it returns the registration as written, or
raises a RegistrationError and writes nothing. `by` is the actor. `before_commit` is called with
the registration inside the private transaction, to store whatever belongs with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    InvalidStatus,
    NotFound,
    RegistrationError,
    TryAgain,
)
from registrations.models import EventRegistration, HouseholdMember, Status
from registrations.queries import households, statuses, targets
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import attendees, booking_rules, two_phase, waitlist
from registrations.services.retry import retried
from registrations.services.two_phase import LockedTarget, Operation
from schedules.appointments import Appointment
from schedules.targets import Target

Action = AuditEvent.Action

Enrol = Callable[[], Sequence[HouseholdMember]]
"""Writes a new household inside the private transaction; returns its members, at least one."""


@retried
def register(
    *,
    target: Target,
    household_id: int = 0,
    attendee_ids: Sequence[int] = (),
    event_date_id: int | None = None,
    event_id: int | None = None,
    join_waitlist: bool = True,
    override_reason: str = "",
    by: Actor,
    before_commit: BeforeCommit | None = None,
    enrol: Enrol | None = None,
) -> EventRegistration:
    """Books a place at a slot, or on a date without slots; or joins the waitlist there.

    For a household that nobody knows, `enrol` takes the place of its id and attendees: it is called
    once the place is sure, so that a refusal leaves no household behind.
    `event_date_id` and `event_id`, if named, must be those of the target. With an
    `override_reason`, which the trail keeps, booking need not be open; capacity and waitlist
    still count. Raises InvalidRequest, HouseholdNotResolved, NotFound, NotBookable, SlotRequired,
    AlreadyRegistered, Busy; and CapacityFull if there is no place and the household does not want
    to wait. (What the operation gave to those who wait stands even then.)
    """
    now = timezone.now()
    members = [] if enrol else households.attendees(household_id, attendee_ids)
    offer = booking_rules.bookable(target, now, override=bool(override_reason))
    appointment = offer.appointment
    booking_rules.check_belongs(appointment, event_date_id=event_date_id, event_id=event_id)

    def book(operation: Operation) -> EventRegistration | RegistrationError:
        nonlocal household_id, attendee_ids, members
        place = operation.place
        if place.counter is None:
            raise NotFound
        if offer.is_open:
            waitlist.take_places_for_queue(operation, place)
        is_confirmed = place.free > 0 and not waitlist.queue_has_priority(place, offer)
        if not (is_confirmed or join_waitlist):
            # Returned: raised in here it would take back what the queue has just been given.
            return _registered_already(household_id, appointment) or CapacityFull()
        if is_confirmed:
            place.take(appointment.event_date_id)
        if enrol:
            members = list(enrol())
            household_id, attendee_ids = members[0].household_id or 0, [m.pk for m in members]
        registration = EventRegistration.insert(
            household_id=household_id,
            event_status=statuses.row_for(Status.CONFIRMED if is_confirmed else Status.WAITLISTED),
            event_id=appointment.event_id,
            event_date_id=appointment.event_date_id,
            event_slot_id=appointment.event_slot_id,
            waitlisted_at=None if is_confirmed else place.join_queue(now),
            at=now,
            by=by.legacy_id,
        )
        attendees.write(registration, members)
        operation.record(
            Action.REGISTERED if is_confirmed else Action.WAITLISTED,
            registration,
            place=place,
            delta=1 if is_confirmed else 0,
            attendees=list(attendee_ids),
            **booking_rules.overridden(offer, override_reason),
        )
        if before_commit:
            position = None if is_confirmed else place.ledger.waiting
            before_commit(RegistrationDetails(registration, appointment, position, members))
        return registration

    try:
        booked = two_phase.run(
            [target], book, by=by, at=now, expects_movement=lambda ledger: offer.seems_free
        )
    except IntegrityError as error:
        raise _collision(household_id, appointment) from error
    if isinstance(booked, RegistrationError):
        raise booked
    return booked


@retried
def cancel(
    registration: EventRegistration, *, by: Actor, before_commit: BeforeCommit | None = None
) -> EventRegistration:
    """Gives the place back and promotes the head of the queue.

    Cancelling twice changes nothing. Leaving the waitlist moves no counter and promotes nobody.
    Raises InvalidStatus once attendance is recorded (undo the check-in first), EventPast for a
    participant after the day, and Busy. A deleted household may still give back what it has.
    """
    now = timezone.now()
    if registration.status is not Status.CANCELLED:
        booking_rules.check_day(registration, now, by=by)

    def give_back(operation: Operation) -> EventRegistration:
        place = operation.place
        place.reload(registration)
        if registration.status is not Status.CANCELLED:
            was_confirmed = _has_movable_place(registration)
            _vacate(place, registration, was_confirmed)
            registration.transition_to(
                statuses.row_for(Status.CANCELLED),
                at=now,
                by=by.legacy_id,
                cancelled_at=now,
                waitlisted_at=None,
            )
            delta = -1 if was_confirmed else 0
            operation.record(Action.CANCELLED, registration, place=place, delta=delta)
            if was_confirmed:
                _promote_if_open(operation, place)
        if before_commit:
            before_commit(RegistrationDetails(registration))
        return registration

    return two_phase.run(
        [registration.target],
        give_back,
        by=by,
        at=now,
        # If somebody waits, the head takes over the place and the counter stays as it is.
        expects_movement=lambda ledger: (
            registration.status is Status.CONFIRMED and not ledger.waiting
        ),
    )


@retried
def move(
    registration: EventRegistration,
    *,
    target: Target,
    event_date_id: int | None = None,
    event_id: int | None = None,
    override_reason: str = "",
    keep_queue: bool = False,
    join_waitlist: bool = False,
    only_from: Target | None = None,
    note: Mapping[str, Any] | None = None,
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Takes a place elsewhere and gives the old one back, or changes nothing at all.

    At the old target the head of the waitlist is promoted, unless `keep_queue`; at the new one the
    waitlist goes first, also if nothing is left for this registration then. A waitlisted
    registration that finds a place is confirmed; with `join_waitlist`, one that finds none waits at
    the new target, behind those who wait there. Moving to the same target changes nothing.
    `override_reason` works as in `register`; the trail keeps `note`. Raises what `register` raises,
    and InvalidStatus, also if it is no longer where `only_from` says.
    """
    now = timezone.now()
    # Read again under the lock: if it has moved by then, this starts again and refuses.
    if only_from is not None and registration.target != only_from:
        raise InvalidStatus("Somebody has just moved this registration.")
    booking_rules.check_day(registration, now, by=by)
    booking_rules.check_household(registration, by=by)
    if target == registration.target:
        return _stay(registration, by, before_commit)
    offer = booking_rules.bookable(target, now, override=bool(override_reason))
    appointment = offer.appointment
    booking_rules.check_belongs(appointment, event_date_id=event_date_id, event_id=event_id)

    def change_places(operation: Operation) -> EventRegistration | None:
        old, new = operation.places[registration.target], operation.places[target]
        old.reload(registration)
        was_confirmed = _has_movable_place(registration)
        promoted = waitlist.take_places_for_queue(operation, new) if offer.is_open else []
        is_confirmed = new.free > 0 and not waitlist.queue_has_priority(new, offer)
        if not is_confirmed and (was_confirmed or not join_waitlist):
            if promoted:  # they keep what this attempt found for them
                return None
            raise CapacityFull
        if is_confirmed:
            new.take(appointment.event_date_id)
        _vacate(old, registration, was_confirmed)
        delta = -1 if was_confirmed else 0
        left = dict(note or {})
        if keep_queue and was_confirmed and old.ledger.waiting:
            left["queue_kept"] = True
        operation.record(Action.MOVED_FROM, registration, place=old, delta=delta, **left)
        registration.transition_to(
            statuses.row_for(Status.CONFIRMED if is_confirmed else Status.WAITLISTED),
            at=now,
            by=by.legacy_id,
            event_id=appointment.event_id,
            event_date_id=appointment.event_date_id,
            event_slot_id=appointment.event_slot_id,
            waitlisted_at=None if is_confirmed else new.join_queue(now),
        )
        operation.record(
            Action.MOVED_TO,
            registration,
            place=new,
            delta=1 if is_confirmed else 0,
            **{**booking_rules.overridden(offer, override_reason), **(note or {})},
        )
        if was_confirmed and not keep_queue:
            _promote_if_open(operation, old)
        if before_commit:
            position = None if is_confirmed else new.ledger.waiting
            before_commit(RegistrationDetails(registration, appointment, position))
        return registration

    try:
        moved = two_phase.run([registration.target, target], change_places, by=by, at=now)
    except IntegrityError as error:
        raise _collision(registration.household_id, appointment) from error
    if moved is None:
        raise CapacityFull
    return moved


def _stay(
    registration: EventRegistration, by: Actor, before_commit: BeforeCommit | None
) -> EventRegistration:
    """A move to the same target: only checks that the registration could move at all."""

    def check(operation: Operation) -> EventRegistration:
        operation.place.reload(registration)
        _has_movable_place(registration)
        if before_commit:
            before_commit(RegistrationDetails(registration))
        return registration

    return two_phase.run(
        [registration.target],
        check,
        by=by,
        at=timezone.now(),
        expects_movement=two_phase.never,
    )


def _collision(household_id: int | None, appointment: Appointment) -> Exception:
    """Why the database refused a row: the household has another registration on that date.

    The database enforces one active registration per household and date, because two simultaneous
    requests for two slots of the date would both pass a check made beforehand.
    """
    statuses.forget()
    return _registered_already(household_id, appointment) or TryAgain(
        "The other registration is already gone."
    )


def _registered_already(
    household_id: int | None, appointment: Appointment
) -> AlreadyRegistered | None:
    if household_id is None:
        return None
    existing = targets.active_registration_id(household_id, appointment.event_date_id)
    return None if existing is None else AlreadyRegistered(registration_id=existing)


def _has_movable_place(registration: EventRegistration) -> bool:
    """True if it is confirmed, False if it waits. Raises InvalidStatus otherwise."""
    if registration.status not in {Status.CONFIRMED, Status.WAITLISTED}:
        status = registration.status_in_words
        raise InvalidStatus(f"A {status} registration cannot be cancelled or moved.")
    return registration.status is Status.CONFIRMED


def _vacate(place: LockedTarget, registration: EventRegistration, was_confirmed: bool) -> None:
    if was_confirmed:
        place.release(registration.event_date_id)
    else:
        place.leave_queue()


def _promote_if_open(operation: Operation, place: LockedTarget) -> None:
    """Promotes nobody once booking is closed."""
    if place.ledger.waiting and waitlist.is_open(place.target, operation.at):
        waitlist.take_places_for_queue(operation, place)
