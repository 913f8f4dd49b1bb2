"""Somebody waits and a place is free: the pages where staff give it.

One lists who waits at which time, and which places could be given; the other gives a place to one
household and checks it in.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, confirmation
from registrations.desk.forms import AttendeesForm, TargetForm
from registrations.errors import (
    AlreadyCheckedIn,
    CapacityFull,
    NotFirstInQueue,
    NotPublished,
    SlotRequired,
)
from registrations.models import EventRegistration, Status
from registrations.queries import (
    details,
    occupancy,
    registrations,
    statuses,
    targets,
    vacancies,
)
from registrations.queries.details import RegistrationDetails
from registrations.queries.occupancy import Occupancy
from registrations.queries.vacancies import Vacancy
from registrations.services import attendance, places
from schedules import display
from schedules.keys import When
from schedules.targets import Target

LISTED = 20
"""Households shown of each queue, and no-shows of each slot."""


@dataclass(frozen=True)
class Queue:
    """Who waits at a slot or date, and whose place there could be given."""

    vacancy: Vacancy
    waiting: Sequence[RegistrationDetails]
    absent: Sequence[EventRegistration]

    @property
    def more(self) -> int:
        """How many wait beside those listed."""
        return max(self.vacancy.at.waiting - LISTED, 0)


@dataclass(frozen=True)
class Option:
    """A place that can be given to a household."""

    radio: Any
    at: Occupancy
    is_own: bool
    """Where the household waits."""
    longer: int
    """How many have waited longer there."""

    @property
    def needs_reason(self) -> bool:
        return self.longer >= self.at.free


def show(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """The times at which somebody waits and a place could be given."""
    common.check_permission(request, "give_place")
    try:
        day = occupancy.day(event_date_id)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return redirect("admin:registrations_day", event_date_id)
    if day is None:
        messages.error(request, "PantryTrak no longer lists this date.")
        return redirect("admin:registrations_day", event_date_id)
    now = timezone.now()
    return common.page(
        request,
        "places.html",
        "Give places",
        event_date_id=event_date_id,
        day=day,
        queues=_queues(event_date_id, vacancies.of_day(day, now)),
        is_today=day.event_date.when(now) is When.TODAY,
        changelist=confirmation.LIST,
    )


def give(request: HttpRequest, event_date_id: int, registration_id: int) -> HttpResponse:
    """Offers the places of the day that are free, and gives the chosen one."""
    common.check_permission(request, "give_place")
    the_day = redirect("admin:registrations_day", event_date_id)
    on_date = registrations.registrations().filter(event_date_id=event_date_id)
    registration = on_date.select_related("household").filter(pk=registration_id).first()
    if registration is None:
        messages.error(request, "This registration was moved to another date.")
        return the_day
    if registration.status is not Status.WAITLISTED:
        messages.error(request, f"{registration.household}: {_why_not_waiting(registration)}")
        return the_day
    try:
        day = occupancy.day(event_date_id)
        if day is None or day.event_date.when(timezone.now()) is not When.TODAY:
            messages.error(request, "Places are given at the gate on the day itself.")
            return the_day
        return _give(request, day, registration)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return the_day


def from_list(request: HttpRequest, chosen: confirmation.Chosen) -> HttpResponse | None:
    """The action of the list: leads to the page for the one registration that is chosen."""
    rows = list(chosen[:2])
    if len(rows) != 1 or rows[0].event_date_id is None:
        messages.error(request, "Choose one registration: its household gets one place.")
        return confirmation.redirect_back(request)
    return redirect("admin:registrations_give_place", rows[0].event_date_id, rows[0].pk)


def pass_on(request: HttpRequest, chosen: confirmation.Chosen) -> HttpResponse | None:
    """Gives the places of the chosen no-shows to those who wait at the same time, head first."""
    if (entries := confirmation.read(request, chosen)) is None:
        return None
    if "confirmed" in request.POST and reason(request):
        return _pass_on_each(request, entries)
    absent = [entry for entry in entries if entry.registration.status is Status.NO_SHOW]
    queues = {
        target: iter(targets.eligible_queue(target, limit=len(absent)))
        for target in {entry.registration.target for entry in absent}
    }

    def effect(entry: RegistrationDetails) -> confirmation.Effect:
        registration = entry.registration
        if registration.status is not Status.NO_SHOW:
            status = registration.status_in_words
            return entry, False, f"Is {status}, not a no-show: this will be refused."
        if (head := next(queues[registration.target], None)) is None:
            return entry, False, "Nobody waits at this time: this will be refused."
        who = f"{head.household} ({head.confirmation_code})"
        return entry, True, f"Is cancelled, and {who} gets the place. No counter moves."

    return confirmation.page(
        request,
        action="pass_on",
        title="Give the place to the next",
        effects=[effect(entry) for entry in entries],
        leaving=Counter(),
        asks_reason="Say why the place is given to the next.",
    )


def _pass_on_each(request: HttpRequest, entries: confirmation.Entries) -> HttpResponse | None:
    for registration in (entry.registration for entry in entries):
        try:
            head = places.pass_on(registration, reason=reason(request), by=common.actor(request))
        except common.REFUSALS as refusal:
            messages.error(request, f"{registration.household}: {common.error_message(refusal)}")
        else:
            given = f"{head.household} ({head.confirmation_code})"
            messages.success(request, f"{given} has the place of {registration.household} now.")
    return confirmation.redirect_back(request)


def reason(request: HttpRequest) -> str:
    """The reason that was entered on a confirmation page; empty if there is none."""
    return request.POST.get("reason", "").strip()[:200]


class PlaceForm(AttendeesForm, TargetForm):
    """A free place of the day for a household that waits, and who of it is here."""

    field_order = ("target", "attendees", "reason")

    def __init__(
        self, *args: Any, day: occupancy.Day, waits_at: Target, position: int, **kwargs: Any
    ) -> None:
        super().__init__(*args, day=day, **kwargs)
        free = {key: each for key, each in self.occupancies.items() if each.free}
        self.waits_at, self.position = waits_at, position
        self.occupancies = dict(sorted(free.items(), key=lambda item: item[1].target != waits_at))
        choices = [(key, display.times(at.start_time, at.end_time)) for key, at in self.places()]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]
        self.fields["target"].initial = self._suggested(timezone.now(), day)
        self.fields["target"].error_messages["invalid_choice"] = (
            "No place is free at that time any more. Choose another."
        )
        self.fields["reason"].help_text = (
            "Only if others have waited longer: why this household goes first. "
            "The history keeps it."
        )

    def places(self) -> list[tuple[str, Occupancy]]:
        return list(self.occupancies.items())

    def _suggested(self, now: datetime, day: occupancy.Day) -> str | None:
        """Where the household waits; else the time that runs now, or comes next."""
        clock = f"{now.astimezone(day.event_date.event.zone):%H:%M}"
        to_come = [key for key, at in self.places() if (at.end_time or "24:00") > clock]
        own = [key for key, at in self.places() if at.target == self.waits_at]
        return next(iter([*own, *to_come, *self.occupancies]), None)

    @property
    def choices(self) -> list[Option]:
        return [
            Option(
                radio,
                at,
                at.target == self.waits_at,
                self.position - 1 if at.target == self.waits_at else at.waiting,
            )
            for radio, at in self.options
        ]


def _give(
    request: HttpRequest, day: occupancy.Day, registration: EventRegistration
) -> HttpResponse:
    (shown,) = details.read([registration])
    form = PlaceForm(
        request.POST if request.method == "POST" else None,
        day=day,
        members=list(shown.attendees),
        waits_at=registration.target,
        position=shown.waitlist_position or 1,
    )
    the_day = reverse("admin:registrations_day", args=[day.event_date.pk])
    if form.is_valid():
        try:
            attendance.check_in_waiting(
                registration,
                target=form.chosen,
                reason=form.cleaned_data["reason"].strip(),
                attendee_ids=form.cleaned_data["attendees"],
                by=common.actor(request),
            )
        except AlreadyCheckedIn as refusal:
            messages.error(request, f"{registration.household}: {common.error_message(refusal)}")
            return redirect(the_day)
        except common.REFUSALS as refusal:
            _add_error(form, refusal)
        else:
            return redirect(f"{the_day}?done={registration.pk}")
    return common.page(
        request,
        "give_place.html",
        f"Give a place: {registration.household or 'No household'}",
        event_date_id=day.event_date.pk,
        day=day,
        row=registration,
        details=shown,
        form=form,
        back=common.next_url(request, the_day),
    )


def _why_not_waiting(registration: EventRegistration) -> str:
    if registration.status is Status.CHECKED_IN:
        return common.error_message(attendance.already_checked_in(registration))
    return f"Does not wait any more, but is {registration.status_in_words}."


def _add_error(form: PlaceForm, refusal: Exception) -> None:
    """Shows the refusal at the field it is about."""
    field = None
    if isinstance(refusal, NotFirstInQueue | NotPublished):
        field = "reason"
    elif isinstance(refusal, CapacityFull | SlotRequired):
        field = "target"
    form.add_error(field, common.error_message(refusal))


def _queues(event_date_id: int, found: Sequence[Vacancy]) -> list[Queue]:
    meant = statuses.rows_meaning(Status.WAITLISTED, Status.NO_SHOW)
    on_date = registrations.registrations().filter(
        event_date_id=event_date_id, event_status__in=meant
    )
    waiting: dict[Target, list[EventRegistration]] = defaultdict(list)
    absent: dict[Target, list[EventRegistration]] = defaultdict(list)
    for row in on_date.select_related("household").order_by("waitlisted_at", "pk"):
        listed = (waiting if row.status is Status.WAITLISTED else absent)[row.target]
        if len(listed) < LISTED:
            listed.append(row)
    shown = details.read([row for each in found for row in waiting[each.at.target]])
    by_id = {entry.registration.pk: entry for entry in shown}
    return [
        Queue(
            each,
            [by_id[row.pk] for row in waiting[each.at.target]],
            absent[each.at.target],
        )
        for each in found
    ]
