"""What every page of the desk needs: who acts, what a refusal says, where to go back to."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from audit import trail
from audit.trail import Actor
from registrations.errors import (
    AlreadyCheckedIn,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationError,
)
from schedules.appointments import Appointment

DOWN = (OperationalError, InterfaceError)
REFUSALS = (RegistrationError, *DOWN)
SCHEDULES_DOWN = (
    "The schedules cannot be read now: events, times and counters are missing on this page. "
    "Checking in goes on working."
)


def actor(request: HttpRequest) -> Actor:
    """The member of staff who is logged in."""
    return trail.staff(str(request.user.pk))


def may(request: HttpRequest, right: str) -> bool:
    return request.user.has_perm(f"registrations.{right}_eventregistration")


def require(request: HttpRequest, right: str) -> None:
    """Raises PermissionDenied without this right: view, attend, cancel, move, …"""
    if not may(request, right):
        raise PermissionDenied


def number(given: str | None) -> int:
    """An id that was sent; 0, which is nobody's, for anything else."""
    given = given or ""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def explain(refusal: Exception) -> str:
    """Why it was refused, as a person at the desk can use it."""
    if isinstance(refusal, DOWN):
        return "A database does not answer. Nothing was changed; try again in a few seconds."
    if isinstance(refusal, HouseholdNotResolved):
        return "There is no such household, or it is no longer active."
    if isinstance(refusal, InvalidRequest):
        return " ".join(error.detail for error in refusal.errors)
    if isinstance(refusal, AlreadyCheckedIn) and refusal.extra:
        first, at = refusal.extra["checked_in_by"], refusal.extra["checked_in_at"]
        return f"Checked in already, by {name_of(first)} at {timezone.localtime(at):%H:%M}."
    return str(refusal)


def name_of(actor_id: str) -> str:
    """The user name of a member of staff; the bare id of somebody without an account here."""
    return names_of([actor_id]).get(actor_id, f"user {actor_id}")


def names_of(actor_ids: Iterable[str]) -> dict[str, str]:
    """The user names of those who have an account here, by the id as the trail keeps it."""
    ours = {given for given in actor_ids if given.isascii() and given.isdigit() and len(given) < 10}
    users = get_user_model().objects.filter(pk__in=ours) if ours else []
    return {str(user.pk): user.get_username() for user in users}


def where(appointment: Appointment) -> str:
    """An appointment in a line: event, day, time."""
    day = f"{appointment.date:%a %b} {appointment.date.day}" if appointment.date else "no day"
    return f"{appointment.event_name}, {day}, {appointment.start_time or 'all day'}"


def page(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page of the desk within the admin's frame."""
    frame = admin.site.each_context(request)
    return TemplateResponse(
        request, f"registrations/{template}", {**frame, "title": title, **context}
    )


def back_to(request: HttpRequest, default: str) -> str:
    """The page of ours that the form names as `next`, else `default`."""
    given = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(given, {request.get_host()}, request.is_secure())
    return given if is_ours else default
