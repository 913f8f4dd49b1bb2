"""The page before an action: what will happen to each registration and each counter.

Then the service runs once per registration. A refusal is shown with its reason and does not stop
the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, moved_up
from registrations.models import EventRegistration
from registrations.queries import details
from registrations.queries.details import RegistrationDetails
from registrations.services import waitlist
from schedules import counters
from schedules.targets import Target

Entries = Sequence[RegistrationDetails]
Chosen = QuerySet[EventRegistration]
Effect = tuple[RegistrationDetails, bool, str]
"""A registration, whether the action is allowed on it, and what the action will do."""

MAX_ROWS = 300
"""Registrations on one confirmation page."""

LIST = "admin:registrations_eventregistration_changelist"


@dataclass(frozen=True)
class Goal:
    """Where registrations will move to, and how many."""

    target: Target
    where: str
    arriving: int


@dataclass(frozen=True)
class Forecast:
    """How one counter will change, and who will be promoted there."""

    where: str
    before: int | None
    after: int | None
    promoted: Sequence[EventRegistration]


def read(request: HttpRequest, chosen: Chosen) -> Entries | None:
    """The chosen registrations with waitlist position and appointment.

    None and a message if there are too many, or if none has a slot or date.
    """
    registrations = list(chosen[: MAX_ROWS + 1])
    if len(registrations) > MAX_ROWS:
        messages.error(request, f"Choose at most {MAX_ROWS} at a time, so that you can check them.")
        return None
    for registration in registrations:
        if not registration.is_placed:
            code = registration.confirmation_code
            text = f"{code} has no slot or date, so actions do not apply to it."
            messages.error(request, text)
    placed = [registration for registration in registrations if registration.is_placed]
    return details.read(placed) or None


def apply_to_each(
    request: HttpRequest, entries: Entries, service: Callable[..., EventRegistration], done: str
) -> HttpResponse | None:
    """Calls the service for each registration and shows messages with the outcome.

    `done` follows the number in the success message, with `{s}` for a plural.
    """
    by, count, began = common.actor(request), 0, timezone.now()
    for registration in (entry.registration for entry in entries):
        try:
            service(registration, by=by)
            count += 1
        except common.REFUSALS as refusal:
            why = common.error_message(refusal)
            messages.error(
                request, f"{registration.confirmation_code} ({registration.household}): {why}"
            )
    if count:
        messages.success(request, f"{count} {done.format(s='' if count == 1 else 's')}.")
        moved_up.announce(request, began)
    return redirect_back(request)


def redirect_back(request: HttpRequest) -> HttpResponse | None:
    """Back to the page that asked. None: the list redirects to itself and keeps its filters."""
    url = common.next_url(request, "")
    return HttpResponseRedirect(url) if url else None


def page(
    request: HttpRequest,
    *,
    action: str,
    title: str,
    effects: Sequence[Effect],
    leaving: Counter[Target],
    goal: Goal | None = None,
    hidden: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The page that says what will happen and asks for confirmation.

    `leaving` is how many places are given back at each target; `hidden` holds extra form fields.
    Without freshtrak_public the page still opens, and says what is missing.
    """
    entries = [entry for entry, _, _ in effects]
    try:
        forecasts, is_down = forecast(leaving, entries, goal), False
    except common.DOWN:
        forecasts, is_down = [], True
    return common.page(
        request,
        "confirm_action.html",
        title,
        action=action,
        effects=effects,
        movements=forecasts,
        warning=common.SCHEDULES_DOWN if is_down else "",
        hidden=dict(hidden or {}),
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=common.next_url(request, ""),
        back=common.next_url(request, reverse(LIST)),
    )


def forecast(
    leaving: Counter[Target], entries: Entries, goal: Goal | None = None
) -> list[Forecast]:
    """How the counters will change; with `goal`, also the one that registrations move to."""
    now = timezone.now()
    names = {
        entry.registration.target: common.describe(entry.appointment)
        for entry in entries
        if entry.appointment
    }
    forecasts = [
        _forecast(target, names.get(target, "a place that is gone"), now, leaving=count)
        for target, count in sorted(leaving.items())
    ]
    if goal is not None:
        forecasts.append(_forecast(goal.target, goal.where, now, arriving=goal.arriving))
    return forecasts


def _forecast(
    target: Target, where: str, now: datetime, *, leaving: int = 0, arriving: int = 0
) -> Forecast:
    promoted = waitlist.preview(target, leaving=leaving, now=now)
    if (counter := counters.read_unlocked(target)) is None:
        return Forecast(where, None, None, promoted)
    after = counter.reserved - leaving + len(promoted)
    arrived = min(arriving, max(counter.capacity - after, 0))
    return Forecast(where, counter.reserved, after + arrived, promoted)
