"""Why a booking was refused. Each class has one stable `code`; the API maps it to a status."""

from dataclasses import dataclass
from typing import Any, ClassVar


class RegistrationError(Exception):
    """A refusal that the caller can act on. Nothing was written in either database."""

    code: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        super().__init__(message or self.message)
        self.extra = extra
        """Further members of the answer, such as `registration_id`."""


class TryAgain(Exception):
    """Nothing was written; what stood in the way goes away when the operation starts anew."""


class StaleRegistration(TryAgain):
    """The registration was changed since it was read."""


@dataclass(frozen=True)
class FieldError:
    field: str  # dotted path, as in "attendees.0"
    code: str
    detail: str


class InvalidRequest(RegistrationError):
    """One or more fields cannot be used; `errors` says which and why."""

    code = "invalid"
    message = "The request has fields that cannot be used; see errors."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class NotFound(RegistrationError):
    code = "not_found"
    message = "There is no such thing here."


class HouseholdNotResolved(RegistrationError):
    code = "household_not_resolved"
    message = "The token belongs to no household, or to one that is no longer active."


class AlreadyRegistered(RegistrationError):
    """`registration_id` is that of the active registration."""

    code = "already_registered"
    message = "The household has a registration on this date already. Cancel or move that one."


class CapacityFull(RegistrationError):
    code = "capacity_full"
    message = "No place is left. Choose another slot, or join the waitlist."


class SlotRequired(RegistrationError):
    code = "slot_required"
    message = "This date is booked by slot. Send an event_slot_id of the date."


class AlreadyCheckedIn(RegistrationError):
    """`checked_in_at` and `checked_in_by` tell who was first, and when."""

    code = "already_checked_in"
    message = "The household was checked in already."


class InvalidStatus(RegistrationError):
    code = "invalid_status"
    message = "The registration's status does not allow this."


class NotBookable(RegistrationError):
    """The date or slot takes no bookings now; `code` is the schedule's reason."""

    message = ""
    MESSAGES: ClassVar[dict[str, str]] = {
        "not_published": "This date or slot is not published.",
        "event_past": "This date has passed.",
        "reservations_not_accepted": "This date takes no reservations.",
        "registration_closed": "Registration for this date is closed.",
    }

    def __init__(self, reason: str) -> None:
        self.code = reason  # type: ignore[misc]
        super().__init__(self.MESSAGES[reason])


class Busy(RegistrationError):
    """Others hold the rows; nothing was changed. Try again in a moment."""

    code = "busy"
    message = "Many people are booking here at once. Nothing was changed; try again in a moment."
