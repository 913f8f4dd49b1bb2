"""Moving registrations to another slot: choose a date, then a slot, then confirm."""

from collections import Counter
from functools import partial

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, confirmation
from registrations.desk.confirmation import LIST, Chosen, Effect, Entries, Goal
from registrations.desk.forms import TargetForm
from registrations.models import Status
from registrations.queries import occupancy
from registrations.queries.details import RegistrationDetails
from registrations.services import booking
from schedules import appointments
from schedules.targets import Target

MOVABLE = frozenset({Status.CONFIRMED, Status.WAITLISTED})


def run(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """One step at a time: each form carries the earlier choices along."""
    if (entries := confirmation.read(request, chosen)) is None:
        return None
    try:
        day = _chosen_day(request)
        form = TargetForm(request.POST if "target" in request.POST else None, day=day)
        if form.is_bound and form.is_valid():
            return _confirm_or_move(request, entries, form)
        return _choose(request, entries, day, form)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return None


def _chosen_day(request: HttpRequest) -> occupancy.Day | None:
    event_date_id = common.parse_id(request.POST.get("date"))
    return occupancy.day(event_date_id) if event_date_id else None


def _choose(
    request: HttpRequest, entries: Entries, day: occupancy.Day | None, form: TargetForm
) -> HttpResponse:
    now = timezone.now()
    return common.page(
        request,
        "move.html",
        "Move to another slot",
        rows=entries,
        dates=occupancy.upcoming(now),
        chosen=day,
        closed_reason=day and day.event_date.closed_reason(now),
        form=form,
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=common.next_url(request, ""),
        back=common.next_url(request, reverse(LIST)),
    )


def _confirm_or_move(
    request: HttpRequest, entries: Entries, form: TargetForm
) -> HttpResponse | None:
    target, reason = form.chosen, form.cleaned_data["reason"]
    if "confirmed" in request.POST:
        service = partial(booking.move, target=target, override_reason=reason)
        return confirmation.apply_to_each(request, entries, service, "moved")
    moving = [
        entry.registration
        for entry in entries
        if entry.registration.status in MOVABLE and entry.registration.target != target
    ]
    where = common.describe(appointments.find_many([target])[target])
    return confirmation.page(
        request,
        action="move",
        title=f"Move to {where}",
        effects=[_effect(entry, target) for entry in entries],
        leaving=Counter(each.target for each in moving if each.status is Status.CONFIRMED),
        goal=Goal(target, where, len(moving)),
        hidden={
            "date": request.POST["date"],
            "target": str(form["target"].value()),
            "reason": reason,
        },
    )


def _effect(entry: RegistrationDetails, target: Target) -> Effect:
    registration = entry.registration
    if registration.status not in MOVABLE:
        status = registration.status.label.lower() if registration.status else "without a status"
        return entry, False, f"Already {status}: this will be refused."
    if registration.target == target:
        return entry, True, "Already there: nothing changes."
    if registration.status is Status.WAITLISTED:
        return entry, True, "Leaves the waitlist for a place there, if one is free."
    return entry, True, "Moves if a place is free there; otherwise stays."
