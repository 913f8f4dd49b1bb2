"""Staff enter a household that nobody knows: at the gate with a place, or on its own.

If somebody similar is known already, the page says so first, and a second press enters the
household all the same.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common
from registrations.desk.household_forms import HouseholdForm, NewWalkInForm
from registrations.errors import InvalidRequest
from registrations.models import EventRegistration, Household
from registrations.queries import households
from registrations.queries.occupancy import Day
from registrations.services import enrolment

HINTS = 5
"""Likely duplicates that are shown."""


def walk_in(request: HttpRequest, day: Day) -> HttpResponse:
    """Enters the household, gives it a place and checks it in: all three or nothing."""
    common.check_permission(request, "walk_in")
    common.check_permission(request, "enrol", "household")
    initial = _initial(request)
    if day.event_date.accept_walkin:
        initial["reason"] = "walk-in"
    sent = request.POST if request.method == "POST" else None
    form = NewWalkInForm(sent, day=day, initial=initial)
    similar: list[tuple[Household, EventRegistration | None]] = []
    if form.is_valid() and not (similar := _unconfirmed(request, form, day)):
        try:
            registration = enrolment.walk_in(
                **form.household,
                target=form.chosen,
                override_reason=form.cleaned_data["reason"],
                by=common.actor(request),
            )
        except common.REFUSALS as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _entered(registration.household, form.cleaned_data["people"]))
            day_url = reverse("admin:registrations_day", args=[day.event_date.pk])
            return redirect(f"{day_url}?done={registration.pk}")
    return common.page(
        request,
        "enrol.html",
        "Walk-in: somebody new",
        day=day,
        form=form,
        similar=similar,
        checked=_key(form),
        closed_reason=day.event_date.closed_reason(timezone.now()),
        takes_no_walk_ins=not day.event_date.accept_walkin,
        submit="None of these: enter and check in" if similar else "Enter, register and check in",
        back=reverse("admin:registrations_walk_in", args=[day.event_date.pk]),
    )


def new(request: HttpRequest) -> HttpResponse:
    """Enters the household, and goes on to its registration if the user may register it."""
    common.check_permission(request, "enrol", "household")
    sent = request.POST if request.method == "POST" else None
    form = HouseholdForm(sent, initial=_initial(request))
    similar: list[tuple[Household, EventRegistration | None]] = []
    if form.is_valid() and not (similar := _unconfirmed(request, form)):
        try:
            household = enrolment.enrol(**form.household, by=common.actor(request))
        except common.REFUSALS as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _entered(household, form.cleaned_data["people"]))
            return redirect("admin:registrations_household_change", household.pk)
    return common.page(
        request,
        "enrol.html",
        "Enter a household",
        form=form,
        similar=similar,
        checked=_key(form),
        submit=f"{'None of these: enter' if similar else 'Enter'} the household",
        back=reverse("admin:registrations_household_changelist"),
    )


def _initial(request: HttpRequest) -> dict[str, str]:
    """The name that was searched for without success: the last word is the last name."""
    words = request.GET.get("q", "").split()
    if not words or not all(word.replace("-", "").replace("'", "").isalpha() for word in words):
        return {}
    return {"first_name": " ".join(words[:-1]), "last_name": words[-1]}


def _unconfirmed(
    request: HttpRequest, form: HouseholdForm, day: Day | None = None
) -> list[tuple[Household, EventRegistration | None]]:
    """Likely duplicates, each with its registration on the day; none once the user has seen them.

    What the user has seen are those of one name and birth date: another name is looked up again.
    """
    if request.POST.get("checked") == _key(form):
        return []
    data = form.cleaned_data
    found = households.likely_duplicates(
        data["first_name"], data["last_name"], data["date_of_birth"], limit=HINTS
    )
    on_day = {}
    if day is not None:
        registrations = EventRegistration.objects.active().filter(
            household__in=found, event_date_id=day.event_date.pk
        )
        on_day = {registration.household_id: registration for registration in registrations}
    return [(household, on_day.get(household.pk)) for household in found]


def _key(form: HouseholdForm) -> str:
    if not form.is_bound:
        return ""
    names = ("first_name", "last_name", "date_of_birth")
    return "|".join(form.data.get(name, "").strip().lower() for name in names)


def _entered(household: Household | None, people: int) -> str:
    count = "1 person" if people == 1 else f"{people} people"
    return f"Entered: {household}, {count}."


def _show(form: HouseholdForm, refusal: Exception) -> None:
    if isinstance(refusal, InvalidRequest):
        form.show(refusal.errors)
        return
    text = common.error_message(refusal)
    form.add_error(None, f"{text} The household was not entered; what you typed is still here.")
