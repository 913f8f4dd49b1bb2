"""The day of a distribution: how full it is, who is expected, who came. Made for the gate.

Without freshtrak_public it shows the roster, but no bars or times.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from registrations.desk import cards, common, days_seen, scan
from registrations.errors import AlreadyCheckedIn, DayNotOver
from registrations.models import HOLDING, EventRegistration, EventRegistrationQuerySet, Status
from registrations.queries import close_outs, details, occupancy, registrations, statuses
from registrations.queries.details import RegistrationDetails
from registrations.queries.occupancy import Day
from registrations.services import attendance, closing

PAGE_SIZE = 50
"""Registrations on one page of the roster."""

BLANK_LINES = 12
"""Lines of the printed roster for households that are not on it."""

Registrations = EventRegistrationQuerySet


@dataclass(frozen=True)
class Numbers:
    """What the bars show."""

    day: Day | None
    """None while public is down, or if it no longer has the date."""
    warning: str
    count: dict[str, int]
    """Registrations by the name of their status."""


def index(request: HttpRequest) -> HttpResponse:
    """The distributions of a day, by default today. If it is the only one, opens it."""
    common.check_permission(request, "view")
    today = timezone.localdate()
    try:
        chosen = parse_date(request.GET.get("date", "")) or today
    except ValueError:
        messages.error(request, "That date does not exist. Showing today.")
        chosen = today
    try:
        days, is_down = occupancy.between(chosen, chosen), False
    except common.DOWN:
        days, is_down = [], True
    days_seen.remember(request)
    if len(days) == 1:
        return redirect("admin:registrations_day", days[0].event_date.pk)
    return common.page(
        request,
        "days.html",
        f"Distributions on {chosen:%A, %B} {chosen.day}",
        chosen=chosen,
        days=days,
        seen=days_seen.on(request, chosen) if is_down else [],
        warning=common.SCHEDULES_DOWN if is_down else "",
    )


def show(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Bars, and below them the roster: search results, or one page of it."""
    common.check_permission(request, "view")
    numbers = _numbers(event_date_id)
    on_date = _roster(event_date_id)
    if numbers.day is None and not on_date.exists():
        messages.error(request, "There is no such date, or it is temporarily unavailable.")
        return redirect("admin:registrations_days")
    days_seen.remember(request)
    text = request.GET.get("q", "").strip()
    wanted = scan.code_in(text)
    shown = _filtered(request, on_date)
    page = Paginator(registrations.find_similar(shown, wanted), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    people = details.read(list(page))
    outcome = cards.outcome(request, on_date)
    day = numbers.day
    seen = days_seen.find(request, event_date_id) if day is None else None
    label = seen.label if seen else "Date not in the schedules"
    days_off = _days_off(day, seen)
    may = {name: common.has_permission(request, name) for name in ("attend", "walk_in")}
    return common.page(
        request,
        "day.html",
        day.event_date.event.event_name if day else label,
        event_date_id=event_date_id,
        **vars(numbers),
        text=text,
        wanted=wanted,
        page=page,
        people=people,
        card=cards.of(people[0]) if text and len(people) == page.paginator.count == 1 else None,
        elsewhere=None if people else cards.elsewhere(event_date_id, wanted),
        outcome=outcome,
        slot_id=common.parse_id(request.GET.get("slot")),
        here=request.get_full_path(),
        names=common.names_of_check_ins([*people, *([outcome.details] if outcome else [])]),
        may={**may, "touch": may["attend"] and not days_off},
        days_off=days_off,
        this_day=day.event_date.date if day else seen and seen.day,
        walk_in_query=f"?{urlencode({'q': text})}" if text and text == wanted else "",
        is_to_come=days_off > 0,
    )


def _days_off(day: Day | None, seen: days_seen.Seen | None) -> int:
    """Days from today to this one, negative if it is over; 0 if nobody knows."""
    if day is not None and day.event_date.date is not None:
        today: date = timezone.now().astimezone(day.event_date.event.zone).date()
        return (day.event_date.date - today).days
    return (seen.day - timezone.localdate()).days if seen else 0


def counters(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Only the bars, to refresh an open page."""
    common.check_permission(request, "view")
    numbers = _numbers(event_date_id)
    slot_id = common.parse_id(request.GET.get("slot"))
    context = {"event_date_id": event_date_id, "slot_id": slot_id, **vars(numbers)}
    return render(request, "registrations/includes/counters.html", context)


@require_POST
def check_in(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """One tap: the household is here, with all attendees or those that are ticked."""
    common.check_permission(request, "attend")
    if "by_enter" in request.POST:  # pressed in a tick, without JavaScript: no tap
        return redirect(_here(request, event_date_id))
    ticked = [common.parse_id(value) for value in request.POST.getlist("attendee")]
    came = ticked if "choose" in request.POST else None
    return _one(request, event_date_id, partial(attendance.check_in, attendee_ids=came))


@require_POST
def undo(request: HttpRequest, event_date_id: int) -> HttpResponse:
    common.check_permission(request, "attend")
    return _one(request, event_date_id, attendance.undo_check_in)


def _one(
    request: HttpRequest, event_date_id: int, service: Callable[..., EventRegistration]
) -> HttpResponse:
    """Calls the service for the registration that was tapped, and goes back to the roster."""
    here = _here(request, event_date_id)
    on_date = _roster(event_date_id)
    registration = on_date.filter(pk=common.parse_id(request.POST.get("registration"))).first()
    if registration is None:
        messages.error(request, "This registration was moved to another date.")
        return redirect(here)
    try:
        service(registration, by=common.actor(request))
    except AlreadyCheckedIn:
        return redirect(_after(here, event_date_id, already=registration.pk))
    except common.REFUSALS as refusal:
        why = common.error_message(refusal)
        messages.error(
            request, f"{registration.household} ({registration.confirmation_code}): {why}"
        )
        return redirect(here)
    return redirect(_after(here, event_date_id, done=registration.pk))


def _here(request: HttpRequest, event_date_id: int) -> str:
    """The page of the day that was open."""
    return common.next_url(request, reverse("admin:registrations_day", args=[event_date_id]))


def _after(here: str, event_date_id: int, **outcome: int) -> str:
    """The roster as it was open, at its slot and page; after a search, from its beginning."""
    query = QueryDict(urlsplit(here).query)
    kept = ["slot"] if query.get("q") else ["slot", "page"]
    parameters = {name: query[name] for name in kept if query.get(name)} | outcome
    the_day = reverse("admin:registrations_day", args=[event_date_id])
    return f"{the_day}?{urlencode(parameters)}"


def close_out(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Lists everyone still expected, and on confirmation marks them as no-show.

    Asks again before the last slot has ended; undoes an earlier close-out.
    """
    common.check_permission(request, "attend")
    the_day = redirect("admin:registrations_day", event_date_id)
    numbers = _numbers(event_date_id)
    day, not_over = numbers.day, ""
    if day is not None and day.is_to_come(timezone.now()):
        messages.error(request, "This day is still to come, so nobody can have missed it.")
        return the_day
    if request.method == "POST":
        before_end = "before_end" in request.POST
        by = common.actor(request)
        try:
            closed = closing.close_out(event_date_id, before_end=before_end, by=by)
        except DayNotOver as refusal:
            not_over = str(refusal)
        except common.REFUSALS as refusal:
            messages.error(request, common.error_message(refusal))
            return the_day
        else:
            messages.success(request, f"{closed.marked} marked as no-show.")
            return redirect("admin:registrations_close_out", event_date_id)
    expected = _roster(event_date_id).filter(
        event_status__in=statuses.rows_meaning(Status.CONFIRMED)
    )
    earlier = close_outs.of_date(event_date_id)
    return common.page(
        request,
        "close_out.html",
        "Close out before the end?" if not_over else "Close out: mark the rest as no-show",
        event_date_id=event_date_id,
        expected=expected[:200],
        not_over=not_over,
        earlier=earlier,
        names=common.names_of(each.actor_id for each in earlier),
        **vars(numbers),
    )


@require_POST
def undo_close_out(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Expects again whom one close-out marked as no-show."""
    common.check_permission(request, "attend")
    try:
        undone = closing.undo_close_out(
            event_date_id,
            close_out_id=request.POST.get("close_out", ""),
            by=common.actor(request),
        )
    except common.REFUSALS as refusal:
        messages.error(request, common.error_message(refusal))
    else:
        messages.success(request, f"Close-out undone: {undone} expected again.")
    return redirect("admin:registrations_close_out", event_date_id)


def roster(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Everyone expected, by time or by name, for printing in case the network goes down."""
    common.check_permission(request, "view")
    numbers = _numbers(event_date_id)
    active = [each for each in _roster(event_date_id) if each.status is not Status.CANCELLED]
    people = details.read(active)  # by name
    is_by_name = request.GET.get("sort") == "name"
    if not is_by_name:
        people.sort(key=_by_time)
    return common.page(
        request,
        "roster.html",
        "Roster",
        event_date_id=event_date_id,
        people=people,
        names=common.names_of_check_ins(people),
        is_by_name=is_by_name,
        individuals=sum(
            len(each.attendees) for each in people if each.registration.status in HOLDING
        ),
        blank_lines=range(BLANK_LINES),
        printed_at=timezone.localtime(),
        **vars(numbers),
    )


def _by_time(shown: RegistrationDetails) -> tuple[str, int]:
    start = shown.appointment.start_time if shown.appointment else None
    return start or "99", shown.waitlist_position or 0


def _roster(event_date_id: int) -> Registrations:
    on_date = registrations.registrations().filter(event_date_id=event_date_id)
    on_date = on_date.select_related("household").prefetch_related("notes", "household__notes")
    return on_date.order_by("household__name", "pk")


def _filtered(request: HttpRequest, on_date: Registrations) -> Registrations:
    """Those of the chosen slot, if any. Cancelled ones appear only in a search."""
    if slot_id := common.parse_id(request.GET.get("slot")):
        on_date = on_date.filter(event_slot_id=slot_id)
    return on_date if request.GET.get("q") else on_date.active()


def _numbers(event_date_id: int) -> Numbers:
    """How full the date is; without public, at least how many are expected, came and wait."""
    try:
        day = occupancy.day(event_date_id)
    except common.DOWN:
        day, warning = None, common.SCHEDULES_DOWN
    else:
        warning = "" if day else "PantryTrak no longer has this date."
    if day is not None:
        by_status = day.occupancy.by_status
    else:
        by_status = occupancy.total(occupancy.tallies([event_date_id])[event_date_id])
    return Numbers(day, warning, _by_name(by_status))


def _by_name(by_status: Counter[Status]) -> dict[str, int]:
    return {status.value: by_status[status] for status in Status}
