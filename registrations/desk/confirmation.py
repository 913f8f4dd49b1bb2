"""The page before an action: what will happen to each registration and each counter.

Then the service runs once per registration. A refusal is shown with its reason and does not stop
the others.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
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
from registrations.queries import details, occupancy
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

NAMED = 5
"""Households that a message names; the others it counts."""

LIST = "admin:registrations_eventregistration_changelist"


@dataclass(frozen=True)
class Forecast:
    """How one counter will change, and who will be promoted there."""

    where: str
    before: int | None
    after: int | None
    promoted: Sequence[EventRegistration]
    kept: int = 0
    """How many keep waiting there although places become free, because staff want it so."""


def read(request: HttpRequest, chosen: Chosen) -> Entries | None:
    """The chosen registrations with waitlist position and appointment, those that wait first.

    Cancelled in this order, nobody is promoted just to be cancelled. None and a message if there
    are too many, or if none has a slot or date.
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
    placed.sort(key=lambda registration: (registration.waitlisted_at is None, registration.pk))
    return details.read(placed) or None


def apply_to_each(
    request: HttpRequest,
    entries: Entries,
    service: Callable[..., EventRegistration],
    done: str,
    *,
    stay: str = "stay as they are",
    why: Callable[[Exception], str] = common.error_message,
) -> HttpResponse | None:
    """Calls the service for each registration and shows messages with the outcome.

    `done` follows the number in the success message, with `{s}` for a plural. Refusals for the same
    reason (`why`) are one message.
    """
    by, count, began = common.actor(request), 0, timezone.now()
    refused: dict[str, list[EventRegistration]] = {}
    for registration in (entry.registration for entry in entries):
        try:
            service(registration, by=by)
            count += 1
        except common.REFUSALS as refusal:
            refused.setdefault(why(refusal), []).append(registration)
    if count:
        messages.success(request, f"{count} {done.format(s='' if count == 1 else 's')}.")
        moved_up.announce(request, began)
    for reason, those in refused.items():
        messages.error(request, refusal_message(those, stay, reason))
    return redirect_back(request)


def refusal_message(those: Sequence[EventRegistration], stay: str, reason: str) -> str:
    """Who was refused for this reason: the code and name of one, or how many and some names."""
    if len(those) == 1:
        return f"{those[0].confirmation_code} ({those[0].household}): {reason}"
    named = [f"{each.household} {each.confirmation_code}" for each in those[:NAMED]]
    if len(those) > NAMED:
        named.append(f"and {len(those) - NAMED} more")
    return f"{len(those)} {stay}: {reason} ({', '.join(named)})"


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
    movements: Sequence[Forecast] | None = None,
    summary: Sequence[str] = (),
    hidden: Mapping[str, str] | None = None,
    asks_reason: str = "",
    override: bool = False,
) -> HttpResponse:
    """The page that says what will happen and asks for confirmation.

    `leaving` is how many places are given back at each target, `movements` what happens to the
    counters if that is not all; `hidden` holds extra form fields; `asks_reason` says why the page
    asks for a reason, if it does; `override`, that booking need not be open for a promotion.
    Without freshtrak_public the page still opens, and says what is missing.
    """
    entries = [entry for entry, _, _ in effects]
    try:
        forecasts: Sequence[Forecast]
        if movements is None:
            forecasts = forecast(leaving, entries, override=override)
        else:
            forecasts = movements
        is_down = False
    except common.DOWN:
        forecasts, is_down = [], True
    return common.page(
        request,
        "confirm_action.html",
        title,
        action=action,
        effects=effects,
        movements=forecasts,
        summary=summary,
        warning=common.SCHEDULES_DOWN if is_down else "",
        hidden=dict(hidden or {}),
        asks_reason=asks_reason,
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=common.next_url(request, ""),
        back=common.next_url(request, reverse(LIST)),
    )


def forecast(
    leaving: Counter[Target], entries: Entries, *, override: bool = False
) -> list[Forecast]:
    """How the counters will change; who leaves the queue as well is not promoted.

    `override`: booking need not be open for a promotion.
    """
    now = timezone.now()
    names = where(entries)
    chosen = {entry.registration.pk for entry in entries}
    return [
        _forecast(
            target,
            names.get(target, GONE),
            now,
            leaving=count,
            gone=chosen if count else (),
            override=override,
        )
        for target, count in sorted(leaving.items())
    ]


GONE = "a place that is gone"


def where(entries: Entries) -> dict[Target, str]:
    """The appointments of these registrations in words."""
    return {
        entry.registration.target: common.describe(entry.appointment)
        for entry in entries
        if entry.appointment
    }


def _forecast(
    target: Target,
    where: str,
    now: datetime,
    *,
    leaving: int,
    gone: Collection[int],
    override: bool,
) -> Forecast:
    queue = waitlist.preview(target, leaving=leaving + len(gone), now=now, override=override)
    free = max((occupancy.free_places(target) or 0) + leaving, 0)
    promoted = [registration for registration in queue if registration.pk not in gone][:free]
    if (counter := counters.read_unlocked(target)) is None:
        return Forecast(where, None, None, promoted)
    return Forecast(where, counter.reserved, counter.reserved - leaving + len(promoted), promoted)
