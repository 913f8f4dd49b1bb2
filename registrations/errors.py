"""Refusals of an operation: each class has one stable `code`, a text and advice.

The API adds the HTTP status (freshtrak/api/errors.py); the desk shows the text.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


class RegistrationError(Exception):
    """A refusal that the caller can act on. Neither database was changed."""

    code: ClassVar[str]
    message: ClassVar[str]
    """What happened, for the person who asked."""
    advice: ClassVar[str]
    """What the client should do next."""
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed; None if waiting does not help."""

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        super().__init__(message or self.message)
        self.extra = extra
        """Extra members of the response, such as `registration_id`."""


class TryAgain(Exception):
    """Nothing was written, and the same operation may succeed if it starts again."""


class StaleRegistration(TryAgain):
    """Somebody changed the registration after it was read."""


@dataclass(frozen=True)
class FieldError:
    field: str  # dotted path, as in "attendees.0"
    code: str
    detail: str


class InvalidRequest(RegistrationError):
    """One or more fields are invalid; `errors` says which and why."""

    code = "invalid"
    message = "Some fields are not valid. See errors."
    advice = "Correct the fields named in errors."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class NotFound(RegistrationError):
    code = "not_found"
    message = "It does not exist, or you cannot see it."
    advice = "Check the address and the ids."


class HouseholdNotResolved(RegistrationError):
    code = "household_not_resolved"
    message = "The token belongs to no household, or to one that is no longer active."
    advice = "Complete the person's profile first."


class AlreadyRegistered(RegistrationError):
    """`registration_id` is the id of the active registration."""

    code = "already_registered"
    message = "The household already has a registration on this date. Cancel or move that one."
    advice = "Show that registration (registration_id); offer to cancel or move it."


class CapacityFull(RegistrationError):
    code = "capacity_full"
    message = "No place is left. Choose another slot, or join the waitlist."
    advice = "Offer other slots, or the waitlist (waitlist: true)."


class NotFirstInQueue(RegistrationError):
    """Whoever waits longer gets the place; staff at the gate may pass them by, with a reason."""

    code = "not_first_in_queue"
    message = "Others have waited longer, and no place is left over for this household."
    advice = "Give the place to the head of the queue."


class NobodyWaits(RegistrationError):
    """No one can take over the place of a no-show. (The API hands no places on.)"""

    code = "nobody_waits"
    message = "Nobody waits at this time, or nobody who could still come."
    advice = "Show the queue again."


class SlotRequired(RegistrationError):
    code = "slot_required"
    message = "This date is booked by slot. Send an event_slot_id of the date."
    advice = "Send one of the date's slots."


class AlreadyCheckedIn(RegistrationError):
    """`checked_in_at` and `checked_in_by` say who was first, and when."""

    code = "already_checked_in"
    message = "The household is already checked in."
    advice = "Show checked_in_at and checked_in_by."


class NotToday(RegistrationError):
    """Attendance is recorded on the day or afterwards, unless staff say why."""

    code = "not_today"
    message = "This registration is for a day that is still to come."
    advice = "Ask which day the household means. If it is right, send override_reason."


class DayUnknown(RegistrationError):
    code = "day_unknown"
    message = (
        "PantryTrak's schedules do not answer, so it is not known whether the day has come. "
        "Nothing was changed; try again when they are back."
    )
    advice = "Send the same request after Retry-After; or, if the day is certain, override_reason."
    retry_after = 5


class DayNotOver(RegistrationError):
    """Close-out asks again while somebody may still come. (The API has no close-out.)"""

    code = "day_not_over"
    message = "The day is not over."
    advice = "Ask again."


class InvalidStatus(RegistrationError):
    code = "invalid_status"
    message = "The registration's status does not allow this."
    advice = "Read the registration again and show its status."


class ChangedMeanwhile(RegistrationError):
    code = "changed_meanwhile"
    message = (
        "Somebody else changed this a moment ago, so nothing was saved. "
        "Look at it as it is now, then enter your change again."
    )
    advice = "Read it again and let the user repeat the change."


class RegistrationsCollide(RegistrationError):
    """Two households cannot become one while both have an active registration on one date."""

    code = "registrations_collide"
    message = (
        "Both households have a registration on the same date. "
        "Cancel one of the two first, then merge again. Nothing was changed."
    )
    advice = "Cancel one of each two registrations, then merge again."


class NotBookable(RegistrationError):
    """The date or slot takes no bookings now; each subclass is one reason of the schedule."""


class NotPublished(NotBookable):
    code = "not_published"
    message = "This date or slot is not published."
    advice = "Read the schedule again."


class RegistrationClosed(NotBookable):
    code = "registration_closed"
    message = "Registration for this date is closed."
    advice = "Offer other dates."


class EventPast(NotBookable):
    code = "event_past"
    message = "This date has passed."
    advice = "Offer other dates."


class ReservationsNotAccepted(NotBookable):
    code = "reservations_not_accepted"
    message = "This date takes no reservations."
    advice = "Offer other dates. This one may take walk-ins."


NOT_BOOKABLE: dict[str, type[NotBookable]] = {
    refusal.code: refusal
    for refusal in (NotPublished, RegistrationClosed, EventPast, ReservationsNotAccepted)
}
"""The refusal for each `closed_reason` of the schedule."""


class DayChanged(RegistrationError):
    """Somebody else has begun to move the day since it was looked at."""

    code = "day_changed"
    message = "Somebody else has just moved this day. Look at it again before you go on."
    advice = "Read the day again."


class IdempotencyKeyReused(RegistrationError):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request."
    advice = "Use a new key for each new request."


class Busy(RegistrationError):
    """Other operations hold the rows; nothing was changed."""

    code = "busy"
    message = "Many people are booking here at once. Nothing was changed; try again in a moment."
    advice = "Send the same request with the same key after Retry-After."
    retry_after = 1
