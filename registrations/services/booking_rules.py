"""Can a target be booked: does it exist, is it open, is it the one the caller means?"""

from datetime import datetime
from typing import Any

from audit import trail
from audit.trail import Actor
from registrations.errors import (
    NOT_BOOKABLE,
    EventPast,
    FieldError,
    InvalidRequest,
    NotFound,
    NotPublished,
    SlotRequired,
)
from registrations.models import EventRegistration
from registrations.queries import households
from schedules import appointments
from schedules.appointments import Appointment, Offer
from schedules.keys import When
from schedules.models import EventSlot
from schedules.targets import Target


def bookable(target: Target, now: datetime, *, override: bool) -> Offer:
    """The offer of `target`, if it can be booked or the opening rules are overridden."""
    offer = appointments.offer(target, now)
    if offer is None:
        # The slot exists, but its hour or date is gone: it belongs to no event that is published.
        if not target.is_date and EventSlot.objects.filter(pk=target.id).exists():
            raise NotPublished
        raise NotFound("There is no such date." if target.is_date else "There is no such slot.")
    if offer.closed_reason is not None and not override:
        raise NOT_BOOKABLE[offer.closed_reason]
    if offer.needs_slot:
        raise SlotRequired
    return offer


def check_day(registration: EventRegistration, now: datetime, *, by: Actor) -> None:
    """Participants change nothing once the day of their appointment is over; staff may.

    Raises EventPast. A slot that is gone is judged by its date; if that is gone too, nobody knows
    the day, and it does not count as over. While public is down this raises what the database
    raises: nobody acts without knowing the day.
    """
    if by.kind != trail.PARTICIPANT or not registration.is_placed:
        return
    offer = appointments.offer(registration.target, now)
    if offer is None and registration.event_date_id is not None:
        offer = appointments.offer(Target.date(registration.event_date_id), now)
    if offer is not None and offer.appointment.when(now) is When.PAST:
        raise EventPast("The day of this registration has passed. Ask the staff.")


def check_household(registration: EventRegistration, *, by: Actor) -> None:
    """Raises HouseholdNotResolved for participants whose household is deleted."""
    if by.kind == trail.PARTICIPANT:
        households.check_active(registration.household_id or 0)


def overridden(offer: Offer, reason: str) -> dict[str, Any]:
    """What the trail keeps of the reason: also one given though booking is open."""
    if offer.closed_reason is None:
        return {"reason": reason} if reason else {}
    return {"overridden": offer.closed_reason, "override_reason": reason}


def check_belongs(
    appointment: Appointment, *, event_date_id: int | None, event_id: int | None
) -> None:
    """Raises InvalidRequest if the named date or event is not the appointment's."""
    errors = []
    if event_date_id not in {None, appointment.event_date_id}:
        detail = f"The slot lies on date {appointment.event_date_id}."
        errors.append(FieldError("event_date_id", "not_on_this_date", detail))
    if event_id not in {None, appointment.event_id}:
        detail = f"The date belongs to event {appointment.event_id}."
        errors.append(FieldError("event_id", "not_of_this_event", detail))
    if errors:
        raise InvalidRequest(*errors)
