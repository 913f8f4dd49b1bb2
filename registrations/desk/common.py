"""What every desk page needs: the actor, permissions, texts of refusals, the way back."""

from collections.abc import Iterable, Mapping

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.http import url_has_allowed_host_and_scheme

from audit import trail
from audit.trail import Actor
from registrations.errors import (
    AlreadyCheckedIn,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationError,
)
from registrations.queries.details import RegistrationDetails
from schedules import display
from schedules.appointments import Appointment

DOWN = (OperationalError, InterfaceError)
REFUSALS = (RegistrationError, *DOWN)
SCHEDULES_DOWN = (
    "PantryTrak's schedules are temporarily unavailable: events, times and counters are missing "
    "on this page. You can still check people in."
)


def actor(request: HttpRequest) -> Actor:
    """The logged-in member of staff, with the id of the request."""
    return trail.staff(str(request.user.pk), request.META.get("HTTP_X_REQUEST_ID", ""))


def has_permission(request: HttpRequest, permission: str, model: str = "eventregistration") -> bool:
    return request.user.has_perm(f"registrations.{permission}_{model}")


def check_permission(
    request: HttpRequest, permission: str, model: str = "eventregistration"
) -> None:
    """Raises PermissionDenied without this permission: view, attend, cancel, move, …

    On a "household": view, enrol, note, merge.
    """
    if not has_permission(request, permission, model):
        raise PermissionDenied


def parse_id(text: str | None) -> int:
    """An id from a request; for anything else 0, which no row has."""
    text = text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def error_message(refusal: Exception) -> str:
    """Why an operation was refused, in words for a person at the desk."""
    if isinstance(refusal, DOWN):
        return "A database does not answer. Nothing was changed; try again in a few seconds."
    if isinstance(refusal, HouseholdNotResolved):
        return "There is no such household, or it is no longer active."
    if isinstance(refusal, InvalidRequest):
        return " ".join(error.detail for error in refusal.errors)
    if isinstance(refusal, AlreadyCheckedIn) and refusal.extra:
        first = name_of(refusal.extra["checked_in_by"])
        at = format_date(timezone.localtime(refusal.extra["checked_in_at"]), "P")
        return f"Already checked in by {first} at {at.rstrip('.')}."
    return str(refusal)


def name_of(actor_id: str) -> str:
    """The username of a member of staff; "user" and the id for somebody without an account here."""
    return names_of([actor_id]).get(actor_id, f"user {actor_id}")


def name_in(names: Mapping[str, str], actor_id: str) -> str:
    """Like `name_of`, from names that were read for a whole page."""
    return names.get(actor_id, f"user {actor_id}" if actor_id else "the system")


def names_of_check_ins(shown: Iterable[RegistrationDetails]) -> dict[str, str]:
    """The names of those who checked these registrations in, by id. At most one query."""
    return names_of({each.check_in.actor_id for each in shown if each.check_in})


def names_of(actor_ids: Iterable[str]) -> dict[str, str]:
    """The usernames of those who have an account here, by id as in the trail."""
    local = {id_ for id_ in actor_ids if id_.isascii() and id_.isdigit() and len(id_) < 10}
    users = get_user_model().objects.filter(pk__in=local) if local else []
    return {str(user.pk): user.get_username() for user in users}


def describe(appointment: Appointment) -> str:
    """An appointment on one line: event, day, time."""
    day = f"{appointment.date:%a %b} {appointment.date.day}" if appointment.date else "no date"
    times = display.times(appointment.start_time, appointment.end_time)
    return f"{appointment.event_name}, {day}, {times}"


def page(request: HttpRequest, template: str, title: str, **context: object) -> TemplateResponse:
    """A desk page in the admin's layout."""
    frame = admin.site.each_context(request)
    return TemplateResponse(
        request, f"registrations/{template}", {**frame, "title": title, **context}
    )


def next_url(request: HttpRequest, default: str) -> str:
    """The page on this site that the form names as `next`, else `default`."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure())
    return url if is_ours else default
