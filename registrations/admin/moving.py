"""Moving registrations to another slot: a date, then a slot that has room, then what it will do."""

from collections import Counter
from functools import partial

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from registrations.admin import deeds, desk
from registrations.admin.forms import TargetForm
from registrations.models import Status
from registrations.queries import occupancy
from registrations.queries.details import RegistrationDetails
from registrations.services import booking
from schedules import appointments

MOVABLE = frozenset({Status.CONFIRMED, Status.WAITLISTED})


def move(request: HttpRequest, chosen: deeds.Chosen) -> HttpResponse | None:
    """One step after the other: each form sends what was chosen before along."""
    if (rows := deeds.read(request, chosen)) is None:
        return None
    try:
        choice = _date_chosen(request)
        form = TargetForm(request.POST if "target" in request.POST else None, day=choice)
        if form.is_bound and form.is_valid():
            return _confirm_or_do(request, rows, form)
        return _picker(request, rows, choice, form)
    except desk.DOWN:
        messages.error(request, desk.SCHEDULES_DOWN)
        return None


def _date_chosen(request: HttpRequest) -> occupancy.Day | None:
    chosen = desk.number(request.POST.get("date"))
    return occupancy.day(chosen) if chosen else None


def _picker(
    request: HttpRequest,
    rows: deeds.Rows,
    chosen: occupancy.Day | None,
    form: TargetForm,
) -> HttpResponse:
    now = timezone.now()
    return desk.page(
        request,
        "move.html",
        "Move to another slot",
        rows=rows,
        dates=occupancy.coming(now),
        chosen=chosen,
        closed_reason=chosen and chosen.row.closed_reason(now),
        form=form,
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=desk.back_to(request, ""),
        back=desk.back_to(request, reverse("admin:registrations_eventregistration_changelist")),
    )


def _confirm_or_do(request: HttpRequest, rows: deeds.Rows, form: TargetForm) -> HttpResponse | None:
    target, reason = form.chosen, form.cleaned_data["reason"]
    if "confirmed" in request.POST:
        service = partial(booking.move, target=target, override_reason=reason)
        return deeds.each(request, rows, service, "moved")
    movable = [row.registration for row in rows if row.registration.status in MOVABLE]
    moving = [row for row in movable if row.target != target]
    leaving = Counter(row.target for row in moving if row.status is Status.CONFIRMED)
    appointment = appointments.find_many([target])[target]
    goal = deeds.Goal(target, desk.where(appointment), len(moving))

    def effect(row: RegistrationDetails) -> deeds.Effect:
        registration = row.registration
        if registration.status not in MOVABLE:
            return row, False, f"Is {registration.event_status}: will be refused."
        if registration.target == target:
            return row, True, "Is there already: nothing changes."
        if registration.status is Status.WAITLISTED:
            return row, True, "Leaves the queue and takes a place there, if one is free."
        return row, True, "Gives the place back and takes one there; stays if none is free."

    return deeds.confirmation(
        request,
        "move",
        f"Move to {goal.where}",
        [effect(row) for row in rows],
        rows,
        leaving,
        goal,
        hidden={
            "date": request.POST["date"],
            "target": str(form["target"].value()),
            "reason": reason,
        },
    )
