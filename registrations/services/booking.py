"""Booking a place, giving it back, and moving to another.

Every function is one operation under the protocol: it returns the registration as written, or
raises a RegistrationError and has written nothing. `by` is the actor. `on_written` is called
with the registration inside the private transaction, for what must be kept together with it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent
from audit.trail import Actor
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    InvalidStatus,
    NotFound,
)
from registrations.models import (
    PLACE_FIELDS,
    EventRegistration,
    EventRegistrationMember,
    HouseholdMember,
    Status,
)
from registrations.queries import households, places
from registrations.services import opening, protocol, waitlist
from registrations.services.protocol import Place
from schedules.appointments import Appointment
from schedules.counters import Target

OnWritten = Callable[[EventRegistration], None]

Action = AuditEvent.Action


def nothing(registration: EventRegistration) -> None:
    """Nothing is to be kept together with the registration."""


@protocol.retried
def register(
    *,
    household_id: int,
    attendee_ids: Sequence[int],
    event_slot_id: int | None = None,
    event_date_id: int | None = None,
    event_id: int | None = None,
    join_waitlist: bool = True,
    override_reason: str = "",
    by: Actor,
    on_written: OnWritten = nothing,
) -> EventRegistration:
    """Books a place at a slot, or at a date that has no slots; or a place in its queue.

    A slot may be named together with its date and event, which then must be its own. With an
    `override_reason`, which goes into the trail, booking need not be open; capacity and queue
    count all the same. Raises InvalidRequest, HouseholdNotResolved, NotFound, NotBookable,
    SlotRequired, AlreadyRegistered, Busy; and CapacityFull if there is no place and the
    household will not wait.
    """
    now = timezone.now()
    target = Target.of(event_slot_id=event_slot_id, event_date_id=event_date_id)
    members = households.attendees(household_id, attendee_ids)
    offer = opening.bookable(target, now, override=bool(override_reason))
    appointment = offer.appointment
    opening.check_belongs(appointment, event_date_id=event_date_id, event_id=event_id)
    try:
        with protocol.locked(target, at=now) as operation:
            place = operation.place
            if place.row is None:
                raise NotFound
            promoted = waitlist.move_up(place) if offer.is_open else []
            confirmed = place.free > 0 and not waitlist.comes_first(place, offer)
            if confirmed:
                place.take(appointment.event_date_id)
            elif not join_waitlist:
                _check_unregistered(household_id, appointment)
                raise CapacityFull
            registration = EventRegistration(
                household_id=household_id,
                event_status=place.status(Status.CONFIRMED if confirmed else Status.WAITLISTED),
                event_id=appointment.event_id,
                event_date_id=appointment.event_date_id,
                event_slot_id=appointment.event_slot_id,
                waitlisted_at=None if confirmed else waitlist.end_of_queue(place),
                added_by=by.legacy_id,
                last_updated_by=by.legacy_id,
                created_at=now,
                updated_at=now,
            )
            registration.appointment = appointment
            if not confirmed:
                registration.waitlist_position = place.tally.waiting - len(promoted) + 1
            with operation.writing():
                waitlist.write(place, promoted, by=trail.SYSTEM)
                registration.save(force_insert=True)
                write_attendees(registration, members)
                registration.attending = members
                place.log(
                    Action.REGISTERED if confirmed else Action.WAITLISTED,
                    registration,
                    delta=1 if confirmed else 0,
                    by=by,
                    attendees=list(attendee_ids),
                    **opening.overridden(offer, override_reason),
                )
                on_written(registration)
    except IntegrityError as error:
        # One active registration per household and date: the database decides, so that two
        # requests at once on two slots of the date cannot both pass a look beforehand.
        _check_unregistered(household_id, appointment)
        raise protocol.TryAgain("The other registration is gone again.") from error
    return registration


@protocol.retried
def cancel(
    registration: EventRegistration, *, by: Actor, on_written: OnWritten = nothing
) -> EventRegistration:
    """Gives the place back and lets the head of the queue move up.

    Cancelling what is cancelled changes nothing. Leaving the waitlist moves no counter and
    promotes nobody. Raises InvalidStatus once attendance is recorded (undo the check-in first),
    and Busy.
    """
    now = timezone.now()
    with protocol.locked(registration.target, at=now) as operation:
        place = operation.place
        _look_again(registration, place)
        if registration.status is Status.CANCELLED:
            with operation.writing():
                on_written(registration)
            return registration
        held = _holds_movable_place(registration)
        promoted = _give_back(place, registration, now) if held else []
        registration.cancelled_at = now
        registration.waitlisted_at = None
        registration.waitlist_position = None
        with operation.writing():
            place.change(registration, Status.CANCELLED, by=by)
            place.log(Action.CANCELLED, registration, delta=-1 if held else 0, by=by)
            waitlist.write(place, promoted, by=trail.SYSTEM)
            on_written(registration)
    return registration


@protocol.retried
def move(
    registration: EventRegistration,
    *,
    event_slot_id: int | None = None,
    event_date_id: int | None = None,
    event_id: int | None = None,
    override_reason: str = "",
    by: Actor,
    on_written: OnWritten = nothing,
) -> EventRegistration:
    """Takes a place elsewhere and gives the old one back, or changes nothing at all.

    The queue of the old place moves up; that of the new one goes first. Whoever waited and finds
    a place is confirmed. Moving to where one is changes nothing. `override_reason` is that of
    `register`. Raises what `register` raises, and InvalidStatus.
    """
    now = timezone.now()
    goal = Target.of(event_slot_id=event_slot_id, event_date_id=event_date_id)
    if goal == registration.target:
        with protocol.locked(goal, at=now) as operation:
            _look_again(registration, operation.place)
            _holds_movable_place(registration)
            with operation.writing():
                on_written(registration)
        return registration
    offer = opening.bookable(goal, now, override=bool(override_reason))
    appointment = offer.appointment
    opening.check_belongs(appointment, event_date_id=event_date_id, event_id=event_id)
    try:
        with protocol.locked(registration.target, goal, at=now) as operation:
            old, new = operation.places[registration.target], operation.places[goal]
            _look_again(registration, old)
            held = _holds_movable_place(registration)
            promoted_there = waitlist.move_up(new) if offer.is_open else []
            if new.free <= 0 or waitlist.comes_first(new, offer):
                raise CapacityFull
            new.take(appointment.event_date_id)
            promoted_here = _give_back(old, registration, now) if held else []
            with operation.writing():
                old.log(Action.MOVED_FROM, registration, delta=-1 if held else 0, by=by)
                waitlist.write(old, promoted_here, by=trail.SYSTEM)
                waitlist.write(new, promoted_there, by=trail.SYSTEM)
                registration.event_id = appointment.event_id
                registration.event_date_id = appointment.event_date_id
                registration.event_slot_id = appointment.event_slot_id
                registration.waitlisted_at = registration.waitlist_position = None
                registration.appointment = appointment
                new.change(registration, Status.CONFIRMED, by=by)
                overridden = opening.overridden(offer, override_reason)
                new.log(Action.MOVED_TO, registration, delta=1, by=by, **overridden)
                on_written(registration)
    except IntegrityError as error:
        household_id = registration.household_id
        if household_id is not None:
            _check_unregistered(household_id, appointment)
        raise protocol.TryAgain("The other registration is gone again.") from error
    return registration


# Deciding: reads, and raises ---------------------------------------------------------


def _check_unregistered(household_id: int, appointment: Appointment) -> None:
    existing = places.active_registration_id(household_id, appointment.event_date_id)
    if existing is not None:
        raise AlreadyRegistered(registration_id=existing)


def _look_again(registration: EventRegistration, place: Place) -> None:
    """Re-reads the row under the lock: what was read before it may be long out of date."""
    registration.refresh_from_db(fields=PLACE_FIELDS)
    registration.event_status = place.tally.rows.get(registration.event_status_id or 0)
    if registration.target != place.target:
        raise protocol.TryAgain("The registration was moved meanwhile.")


def _holds_movable_place(registration: EventRegistration) -> bool:
    """Whether it is confirmed (True) or waits (False). Raises InvalidStatus for all others."""
    if registration.status not in {Status.CONFIRMED, Status.WAITLISTED}:
        raise InvalidStatus(
            f"The registration is {registration.event_status}: it can be neither cancelled nor "
            "moved."
        )
    return registration.status is Status.CONFIRMED


def _give_back(
    place: Place, registration: EventRegistration, now: datetime
) -> list[EventRegistration]:
    """Frees the registration's place; returns who moves up. Nobody does once booking is closed."""
    place.release(registration.event_date_id)
    if place.tally.waiting and waitlist.is_open(place.target, now):
        return waitlist.move_up(place)
    return []


# Writing: inside the private transaction ---------------------------------------------


def write_attendees(registration: EventRegistration, members: list[HouseholdMember]) -> None:
    """Adds attendees, stamped as the registration is."""
    rows = [
        EventRegistrationMember(
            event_registration=registration,
            household_member=member,
            added_by=registration.last_updated_by,
            last_updated_by=registration.last_updated_by,
            created_at=registration.updated_at,
            updated_at=registration.updated_at,
        )
        for member in members
    ]
    EventRegistrationMember.objects.bulk_create(rows)
