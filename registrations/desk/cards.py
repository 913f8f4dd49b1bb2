"""The household that a scan or a tap was about, in large print above the day view."""

from dataclasses import dataclass

from django.http import HttpRequest

from registrations import confirmation_codes
from registrations.desk import common
from registrations.models import EventRegistration, EventRegistrationQuerySet, Status
from registrations.queries import details, registrations
from registrations.queries.details import RegistrationDetails
from registrations.services import attendance


@dataclass(frozen=True)
class Card:
    details: RegistrationDetails
    note: str = ""
    """Why it cannot be checked in; empty if it can."""

    @property
    def kind(self) -> str:
        """How it looks: "already" here, something "other" in the way, or simply "found"."""
        if self.details.registration.status is Status.CHECKED_IN:
            return "already"
        return "other" if self.note else "found"


def of(shown: RegistrationDetails) -> Card:
    """The card of the only registration that a search has found."""
    return Card(shown, _why_not(shown.registration, shown.waitlist_position))


def _why_not(registration: EventRegistration, position: int | None) -> str:
    if registration.status is Status.CHECKED_IN:
        return common.error_message(attendance.already_checked_in(registration))
    if registration.status is Status.WAITLISTED:
        return f"Waits for a place: number {position} in the queue."
    return "Cancelled: no place is kept." if registration.status is Status.CANCELLED else ""


def outcome(request: HttpRequest, on_date: EventRegistrationQuerySet) -> Card | None:
    """The registration that was just tapped; with a note, if another tablet was first."""
    already = common.parse_id(request.GET.get("already"))
    tapped = already or common.parse_id(request.GET.get("done"))
    read = details.read(list(on_date.filter(pk=tapped))) if tapped else []
    if not read:
        return None
    return of(read[0]) if already else Card(read[0])


def elsewhere(event_date_id: int, code: str) -> RegistrationDetails | None:
    """The registration with this code, if it is for another date."""
    if not (registration_id := confirmation_codes.decode(code)):
        return None
    found = registrations.registrations().filter(pk=registration_id)
    others = found.exclude(event_date_id=event_date_id).select_related("household")
    return next(iter(details.read(list(others))), None)
