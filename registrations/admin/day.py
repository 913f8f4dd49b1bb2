"""The day of a distribution: how full it is, who is to come, who came. Made for a gate.

Works without freshtrak_public: then bars and times are missing, and the roster is not.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from registrations.admin import desk
from registrations.models import EventRegistrationQuerySet, Status
from registrations.queries import details, occupancy, registrations, statuses
from registrations.queries.details import RegistrationDetails
from registrations.services import attendance

ON_PAGE = 50
"""Rows of the roster on one page."""

Rows = EventRegistrationQuerySet


def index(request: HttpRequest) -> HttpResponse:
    """The distributions of a day, today if none is named; the only one is opened at once."""
    desk.require(request, "view")
    today = timezone.localdate()
    try:
        chosen = parse_date(request.GET.get("date", "")) or today
    except ValueError:
        messages.error(request, "There is no such day in the calendar. This is today.")
        chosen = today
    try:
        found, is_down = occupancy.between(chosen, chosen), False
    except desk.DOWN:
        found, is_down = [], True
    if len(found) == 1:
        return redirect("admin:registrations_day", found[0].row.pk)
    return desk.page(
        request,
        "days.html",
        f"Distributions on {chosen:%A, %B} {chosen.day}",
        chosen=chosen,
        days=found,
        warning=desk.SCHEDULES_DOWN if is_down else "",
    )


def show(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Bars, and under them the roster: searched, or a page of it."""
    desk.require(request, "view")
    numbers = _numbers(event_date_id)
    rows = _roster(event_date_id)
    if numbers["day"] is None and not rows.exists():
        messages.error(request, "There is no such date, or it cannot be read now.")
        return redirect("admin:registrations_days")
    text = request.GET.get("q", "").strip()
    shown = _filtered(request, rows)
    page = Paginator(registrations.find_similar(shown, text), ON_PAGE).get_page(
        request.GET.get("page")
    )
    people = details.read(list(page))
    done = details.read(list(rows.filter(pk=desk.number(request.GET.get("done")))))
    day = numbers["day"]
    return desk.page(
        request,
        "day.html",
        day.row.event.event_name if day else "A date without its schedule",
        event_date_id=event_date_id,
        **numbers,
        text=text,
        page=page,
        people=people,
        card=_card(people) if text and desk.may(request, "attend") else None,
        done=done[0] if done else None,
        slot_id=desk.number(request.GET.get("slot")),
        here=request.get_full_path(),
        may={right: desk.may(request, right) for right in ("attend", "walk_in")},
        is_to_come=day is not None and day.is_to_come(timezone.now()),
    )


def _card(found: Sequence[RegistrationDetails]) -> RegistrationDetails | None:
    """The only one that was found, if it is still to come: one more touch checks it in."""
    expected = len(found) == 1 and found[0].registration.status is Status.CONFIRMED
    return found[0] if expected else None


def counters(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """The bars alone, for a page that is open already."""
    desk.require(request, "view")
    numbers = _numbers(event_date_id)
    slot_id = desk.number(request.GET.get("slot"))
    context = {"event_date_id": event_date_id, "slot_id": slot_id, **numbers}
    return render(request, "registrations/includes/counters.html", context)


@require_POST
def check_in(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """One touch: the household is here, with all attendees or with those that are ticked."""
    desk.require(request, "attend")
    ticked = [desk.number(given) for given in request.POST.getlist("attendee")]
    came = ticked if "choose" in request.POST else None
    return _one(request, event_date_id, attendance.check_in, attendee_ids=came)


@require_POST
def undo(request: HttpRequest, event_date_id: int) -> HttpResponse:
    desk.require(request, "attend")
    return _one(request, event_date_id, attendance.undo_check_in)


def _one(request: HttpRequest, event_date_id: int, service: Any, **given: Any) -> HttpResponse:
    """The service for the registration that was touched; back to where the roster stood."""
    here = desk.back_to(request, reverse("admin:registrations_day", args=[event_date_id]))
    rows = _roster(event_date_id)
    registration = rows.filter(pk=desk.number(request.POST.get("registration"))).first()
    if registration is None:
        messages.error(request, "This registration is no longer on this date: it was moved.")
        return redirect(here)
    try:
        service(registration, by=desk.actor(request), **given)
    except desk.REFUSALS as refusal:
        messages.error(
            request,
            f"{registration.household} ({registration.confirmation_code}): {desk.explain(refusal)}",
        )
        return redirect(here)
    there = reverse("admin:registrations_day", args=[event_date_id])
    slot = desk.number(request.POST.get("slot"))
    query = urlencode({"done": registration.pk, **({"slot": slot} if slot else {})})
    return redirect(f"{there}?{query}")


def close_out(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """At the end: whoever is still expected did not come. First says who that is."""
    desk.require(request, "attend")
    the_day = redirect("admin:registrations_day", event_date_id)
    numbers = _numbers(event_date_id)
    day = numbers["day"]
    if day is not None and day.is_to_come(timezone.now()):
        messages.error(request, "This day is still to come: nobody can have missed it.")
        return the_day
    if request.method == "POST":
        try:
            marked = attendance.close_out(event_date_id, by=desk.actor(request))
        except desk.REFUSALS as refusal:
            messages.error(request, desk.explain(refusal))
        else:
            messages.success(request, f"{marked} marked as no-show.")
        return the_day
    expected = _roster(event_date_id).filter(
        event_status__in=statuses.rows_meaning(Status.CONFIRMED)
    )
    return desk.page(
        request,
        "close_out.html",
        "Close out: mark the rest as no-show",
        event_date_id=event_date_id,
        expected=expected[:200],
        **numbers,
    )


def roster(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """All who are to come, on paper, for when the network is down."""
    desk.require(request, "view")
    numbers = _numbers(event_date_id)
    active = [row for row in _roster(event_date_id) if row.status is not Status.CANCELLED]
    people = details.read(active)
    people.sort(key=_by_time)
    return desk.page(
        request,
        "roster.html",
        "Roster",
        event_date_id=event_date_id,
        people=people,
        printed_at=timezone.localtime(),
        **numbers,
    )


def _by_time(shown: RegistrationDetails) -> tuple[str, int]:
    start = shown.appointment.start_time if shown.appointment else None
    return start or "99", shown.waitlist_position or 0


def _roster(event_date_id: int) -> Rows:
    rows = registrations.registrations().filter(event_date_id=event_date_id)
    return rows.select_related("household").order_by("household__name", "pk")


def _filtered(request: HttpRequest, rows: Rows) -> Rows:
    """Those of one slot, if one is chosen. Cancelled ones are shown where they are searched."""
    if slot_id := desk.number(request.GET.get("slot")):
        rows = rows.filter(event_slot_id=slot_id)
    return rows if request.GET.get("q") else rows.active()


def _numbers(event_date_id: int) -> dict[str, Any]:
    """How full it is; without public at least how many are expected, came and wait."""
    try:
        day = occupancy.day(event_date_id)
    except desk.DOWN:
        day, warning = None, desk.SCHEDULES_DOWN
    else:
        warning = "" if day else "PantryTrak no longer has this date."
    if day is not None:
        by_status = day.fill.by_status
    else:
        by_status = occupancy.total(occupancy.tallies([event_date_id])[event_date_id])
    return {"day": day, "warning": warning, "count": _named(by_status)}


def _named(by_status: Counter[Status]) -> dict[str, int]:
    return {status.value: by_status[status] for status in Status}
