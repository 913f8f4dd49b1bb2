"""The page before an action: what will happen to each registration and to each counter.

Then the service, once for each registration. One that is refused is named with its reason and
holds up no other.
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

from registrations.desk import common
from registrations.models import EventRegistration
from registrations.queries import details
from registrations.queries.details import RegistrationDetails
from registrations.services import waitlist
from schedules import counters
from schedules.targets import Target

Entries = Sequence[RegistrationDetails]
Chosen = QuerySet[EventRegistration]
Effect = tuple[RegistrationDetails, bool, str]
"""A registration, whether the action is allowed on it, and what it will do."""

MAX_ROWS = 300
"""Registrations that one confirmation page lists."""

LIST = "admin:registrations_eventregistration_changelist"


@dataclass(frozen=True)
class Goal:
    """Where registrations are to be moved to, and how many."""

    target: Target
    where: str
    arriving: int


@dataclass(frozen=True)
class Forecast:
    """What will become of one counter, and who is promoted there."""

    where: str
    before: int | None
    after: int | None
    promoted: Sequence[EventRegistration]


def read(request: HttpRequest, chosen: Chosen) -> Entries | None:
    """The chosen registrations with their place on the waitlist and their appointment.

    None, and a message, if there are too many, or none that names a slot or date.
    """
    registrations = list(chosen[: MAX_ROWS + 1])
    if len(registrations) > MAX_ROWS:
        messages.error(request, f"Choose at most {MAX_ROWS} at a time, so that you can check them.")
        return None
    for registration in registrations:
        if not registration.is_placed:
            code = registration.confirmation_code
            text = f"{code} names no slot or date, so nothing can be done to it."
            messages.error(request, text)
    placed = [registration for registration in registrations if registration.is_placed]
    return details.read(placed) or None


def apply_to_each(
    request: HttpRequest, entries: Entries, service: Callable[..., EventRegistration], done: str
) -> HttpResponse | None:
    """Calls the service for each registration; messages say what came of it.

    `done` is what the success message counts, with `{s}` where a plural needs it.
    """
    by, count = common.actor(request), 0
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
    return redirect_back(request)


def redirect_back(request: HttpRequest) -> HttpResponse | None:
    """To the page that asked; the list finds its own way back, with its filters."""
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
    """The page that says what will happen, and asks.

    `leaving` says how many give back a place at each target, `hidden` is what the form sends
    along. Without freshtrak_public the page opens all the same, and says what it cannot tell.
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
    """What will become of the counters; with `goal`, also of the one where they arrive."""
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
