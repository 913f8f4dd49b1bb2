"""Staff register households and change the attendees of a registration.

Staff choose the household, then the date, then slot and attendees. Each step is a link, so that
the browser's back button works. A refusal appears at the field it is about.
"""

from functools import partial

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, enrol
from registrations.desk.forms import WALK_IN, AttendeesForm, BookingForm, WalkInForm
from registrations.errors import (
    AlreadyRegistered,
    Busy,
    HouseholdNotResolved,
    InvalidRequest,
    InvalidStatus,
    RegistrationError,
)
from registrations.models import EventRegistration, Household, HouseholdMember, Status
from registrations.queries import details, households, names, occupancy, registrations
from registrations.services import attendance, attendees, booking

SEARCH_LIMIT = 20
"""Households shown by a search."""

Resolved = tuple[Household, list[HouseholdMember]]


def add(request: HttpRequest) -> HttpResponse:
    """Books a place for a household, like the API."""
    common.check_permission(request, "add")
    try:
        day = occupancy.day(common.parse_id(request.GET.get("date")))
        household = _household(request)
        if day is None or household is None:
            return _choose(request, household, dates=occupancy.upcoming(timezone.now()))
        return _book(request, day, household, walk_in=False)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return redirect("admin:registrations_eventregistration_changelist")


def walk_in(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Books a place for a household at the gate, and checks it in."""
    common.check_permission(request, "walk_in")
    the_day = redirect("admin:registrations_day", event_date_id)
    try:
        day = occupancy.day(event_date_id)
        if day is None:
            messages.error(request, "PantryTrak no longer lists this date.")
            return the_day
        if day.is_to_come(timezone.now()):
            messages.error(request, "Register walk-ins on the day itself.")
            return the_day
        if "new" in request.GET:
            return enrol.walk_in(request, day)
        household = _household(request)
        if household is None:
            return _choose(request, None, day=day)
        return _book(request, day, household, walk_in=True)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return the_day


def edit_attendees(request: HttpRequest, registration_id: int) -> HttpResponse:
    """Replaces the attendees. No counter moves."""
    common.check_permission(request, "change")
    registration = registrations.registrations().filter(pk=registration_id).first()
    if registration is None:
        messages.error(request, "There is no such registration.")
        return redirect("admin:registrations_eventregistration_changelist")
    (shown,) = details.read([registration])
    here = reverse("admin:registrations_eventregistration_change", args=[registration.pk])
    try:
        household, members = households.household_with_members(registration.household_id or 0)
    except HouseholdNotResolved as refusal:
        messages.error(request, common.error_message(refusal))
        return redirect(here)
    form = AttendeesForm(
        _sent(request),
        members=members,
        initial={"attendees": [member.pk for member in shown.attendees]},
    )
    if form.is_valid():
        try:
            attendees.change(
                registration,
                attendee_ids=form.cleaned_data["attendees"],
                by=common.actor(request),
            )
        except common.REFUSALS as refusal:
            _add_errors(form, refusal)
        else:
            messages.success(request, "Attendees changed. No counter moved.")
            return redirect(here)
    return common.page(
        request,
        "attendees.html",
        f"Attendees of {household}",
        registration=registration,
        form=form,
        back=here,
    )


def _sent(request: HttpRequest) -> QueryDict | None:
    """The data of a submitted form, even if empty; None when the page is opened."""
    return request.POST if request.method == "POST" else None


def _household(request: HttpRequest) -> Resolved | None:
    """The chosen household with its active members; None if none is chosen or it is gone."""
    chosen = common.parse_id(request.GET.get("household"))
    if not chosen:
        return None
    try:
        return households.household_with_members(chosen)
    except HouseholdNotResolved as refusal:
        messages.error(request, common.error_message(refusal))
        return None


def _choose(request: HttpRequest, household: Resolved | None, **context: object) -> HttpResponse:
    """The steps before the form: which household, which date."""
    text = request.GET.get("q", "").strip()
    return common.page(
        request,
        "choose.html",
        "Register a walk-in" if "day" in context else "Register a household",
        household=household and household[0],
        text=text,
        found=names.households(text, SEARCH_LIMIT) if text else [],
        may_enrol=common.has_permission(request, "enrol", "household"),
        now=timezone.now(),
        **context,
    )


def _book(
    request: HttpRequest, day: occupancy.Day, resolved: Resolved, *, walk_in: bool
) -> HttpResponse:
    household, members = resolved
    now = timezone.now()
    shape = partial(WalkInForm, now=now) if walk_in else BookingForm
    closed = day.event_date.closed_reason(now)
    initial = {"reason": WALK_IN} if walk_in and closed and day.event_date.accept_walkin else {}
    form = shape(_sent(request), day=day, members=members, initial=initial)
    if form.is_valid():
        try:
            return _register(request, day, household, form, walk_in=walk_in)
        except common.REFUSALS as refusal:
            _add_errors(form, refusal)
    return common.page(
        request,
        "book.html",
        f"Walk-in: {household}" if walk_in else f"Register {household}",
        household=household,
        day=day,
        form=form,
        closed_reason=closed,
        takes_no_walk_ins=walk_in and not day.event_date.accept_walkin,
    )


def _register(
    request: HttpRequest,
    day: occupancy.Day,
    household: Household,
    form: BookingForm | WalkInForm,
    *,
    walk_in: bool,
) -> HttpResponse:
    if walk_in:
        registration = attendance.walk_in(
            household_id=household.pk,
            attendee_ids=form.cleaned_data["attendees"],
            target=form.chosen,
            override_reason=form.cleaned_data["reason"],
            by=common.actor(request),
        )
        day_url = reverse("admin:registrations_day", args=[day.event_date.pk])
        return redirect(f"{day_url}?done={registration.pk}")
    registration = booking.register(
        household_id=household.pk,
        attendee_ids=form.cleaned_data["attendees"],
        target=form.chosen,
        join_waitlist=form.cleaned_data["join_waitlist"],
        override_reason=form.cleaned_data["reason"],
        by=common.actor(request),
    )
    if registration.status is Status.WAITLISTED:
        position = details.waitlist_positions([registration])[registration.pk]
        messages.warning(
            request, f"No place was free: {household} is number {position} on the waitlist."
        )
    else:
        messages.success(request, f"Confirmed: {household}, {registration.confirmation_code}.")
    return redirect("admin:registrations_eventregistration_change", registration.pk)


def _add_errors(form: forms.Form, refusal: Exception) -> None:
    """Shows each refusal at the field it is about."""
    about_all = (Busy, HouseholdNotResolved, InvalidStatus)
    if isinstance(refusal, InvalidRequest):
        for error in refusal.errors:
            field = error.field.split(".")[0]
            form.add_error(field if field in form.fields else None, error.detail)
    elif not isinstance(refusal, RegistrationError) or isinstance(refusal, about_all):
        form.add_error(None, common.error_message(refusal))
    elif isinstance(refusal, AlreadyRegistered):
        code = EventRegistration(pk=refusal.extra["registration_id"]).confirmation_code
        form.add_error("target", f"{refusal} Its code is {code}.")
    else:
        form.add_error("target", str(refusal))
