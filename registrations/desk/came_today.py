"""A household came today, but is registered for another day: a place of today, and checked in.

First the distribution of today, unless the same event has exactly one; then slot and people.
"""

from datetime import datetime, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from registrations.desk import common
from registrations.desk.forms import CameTodayForm
from registrations.errors import AlreadyRegistered, InvalidRequest
from registrations.models import EventRegistration
from registrations.queries import details, occupancy, registrations
from registrations.queries.details import RegistrationDetails
from registrations.queries.occupancy import Day
from registrations.services import attendance
from schedules.keys import When


def show(request: HttpRequest, registration_id: int) -> HttpResponse:
    """Chooses the distribution of today, then asks for slot, people and reason, and checks in."""
    common.check_permission(request, "walk_in")
    registration = registrations.registrations().filter(pk=registration_id).first()
    if registration is None:
        messages.error(request, "There is no such registration.")
        return redirect("admin:registrations_eventregistration_changelist")
    here = reverse("admin:registrations_eventregistration_change", args=[registration.pk])
    (shown,) = details.read([registration])
    now = timezone.now()
    if shown.appointment and shown.appointment.when(now) is When.TODAY:
        messages.info(request, "This registration is for today: check it in.")
        return redirect(here)
    try:
        days = _today(now)
        day = _chosen(request, registration, days)
        if day is None:
            return _page(request, "Came today instead", shown, days=days, back=here)
        return _check_in(request, shown, day, here)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return redirect(here)


def _today(now: datetime) -> list[Day]:
    """The distributions of today, each in the time zone of its event."""
    our_today = timezone.localtime(now).date()
    around = occupancy.between(our_today - timedelta(days=1), our_today + timedelta(days=1))
    return [day for day in around if day.event_date.when(now) is When.TODAY]


def _chosen(request: HttpRequest, registration: EventRegistration, days: list[Day]) -> Day | None:
    """The distribution that the address names, else the only one of the same event; with hours."""
    named = common.parse_id(request.GET.get("date"))
    same_event = [day for day in days if day.event_date.event_id == registration.event_id]
    if named:
        fitting = [day for day in days if day.event_date.pk == named]
    else:
        fitting = same_event if len(same_event) == 1 else []
    return occupancy.day(fitting[0].event_date.pk) if fitting else None


def _check_in(
    request: HttpRequest, shown: RegistrationDetails, day: Day, here: str
) -> HttpResponse:
    form = CameTodayForm(
        request.POST if request.method == "POST" else None,
        day=day,
        members=list(shown.attendees),
        now=timezone.now(),
    )
    if form.is_valid():
        try:
            registration = attendance.came_today(
                shown.registration,
                target=form.chosen,
                attendee_ids=form.cleaned_data["attendees"],
                override_reason=form.cleaned_data["reason"],
                by=common.actor(request),
            )
        except common.REFUSALS as refusal:
            _add_error(form, refusal)
        else:
            the_day = reverse("admin:registrations_day", args=[day.event_date.pk])
            return redirect(f"{the_day}?{urlencode({'done': registration.pk})}")
    title = f"Came today instead: {shown.registration.household or 'No household'}"
    when = shown.appointment.when(timezone.now()) if shown.appointment else None
    return _page(request, title, shown, day=day, form=form, back=here, is_past=when is When.PAST)


def _add_error(form: forms.Form, refusal: Exception) -> None:
    why = common.error_message(refusal)
    if isinstance(refusal, AlreadyRegistered):
        code = EventRegistration(pk=refusal.extra["registration_id"]).confirmation_code
        why = f"The household is registered for today as well, with code {code}: check that in."
    fields = {error.field.split(".")[0] for error in getattr(refusal, "errors", ())}
    is_about_people = isinstance(refusal, InvalidRequest) and fields == {"attendees"}
    form.add_error("attendees" if is_about_people else None, why)


def _page(
    request: HttpRequest, title: str, shown: RegistrationDetails, **context: object
) -> HttpResponse:
    return common.page(request, "came_today.html", title, shown=shown, **context)
