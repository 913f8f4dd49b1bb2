"""Changing a whole day: everything from a time on to later slots, or the day cancelled.

A page first says what will happen; then one call does it, or as much as fits into its time. What is
left is continued from the same page.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, confirmation
from registrations.desk.move import STAY
from registrations.errors import CapacityFull, RegistrationError
from registrations.models import Delay, EventRegistration, Status
from registrations.queries import occupancy
from registrations.queries import whole_day as queries
from registrations.queries.occupancy import Day
from registrations.services import whole_day
from registrations.services.foresight import Foreseen, Place
from registrations.services.whole_day import Done
from schedules import appointments, counters, display
from schedules.models import EventSlot
from schedules.targets import Target

INTERRUPTED = (
    "A database does not answer. What is done so far is kept; continue when it answers again."
)


class DelayForm(forms.Form):
    since = forms.ChoiceField(label="From")
    minutes = forms.IntegerField(label="Minutes later", min_value=1, max_value=600, initial=45)
    reason = forms.CharField(label="Reason", max_length=200)

    def __init__(self, data: object, *, slots: Iterable[EventSlot]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        starts = sorted({slot.start_time for slot in slots if slot.start_time})
        choices = [(start, f"{display.clock(start)} on") for start in starts]
        self.fields["since"].choices = choices  # type: ignore[attr-defined]


class CancelForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=200)


# Later by some minutes --------------------------------------------------------------------


@dataclass(frozen=True)
class MovedSlot:
    """What a delay does to one slot."""

    start: str | None
    goal: str | None
    """When the slot starts to which they move; None if there is none."""
    moving: int
    waiting: int
    """How many of those who move will wait there."""
    staying: int
    before: int | None
    after: int | None


def delay(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Chooses from when on and by how much, then says what will happen, then does it."""
    common.check_permission(request, "move")
    back = reverse("admin:registrations_day", args=[event_date_id])
    try:
        day, slots = occupancy.day(event_date_id), queries.slots(event_date_id)
        if day is None:
            messages.error(request, "PantryTrak no longer has this date.")
            return redirect("admin:registrations_planning")
        form = DelayForm(request.POST or None, slots=slots)
        if form.is_valid() and "confirmed" in request.POST:
            return _delay(request, event_date_id, form)
        if form.is_valid():
            return _preview(request, day, slots, form)
        return _choose(request, day, form if slots else None)
    except common.DOWN:
        messages.error(request, common.SCHEDULES_DOWN)
        return redirect(back)


def _choose(request: HttpRequest, day: Day, form: DelayForm | None) -> HttpResponse:
    event_date_id = day.event_date.pk
    begun = queries.latest_delay(event_date_id)
    return common.page(
        request,
        "delay.html",
        "Move to later slots",
        day=day,
        event_date_id=event_date_id,
        form=form,
        begun=begun,
        begun_by=common.name_of(begun.actor_id) if begun else "",
        to_do=_to_do(begun) if begun else 0,
        number=begun.number + 1 if begun else 1,
        back=reverse("admin:registrations_day", args=[event_date_id]),
    )


def _to_do(begun: Delay) -> int:
    plan = whole_day.plan_delay(
        begun.event_date_id, since=begun.since, minutes=begun.minutes, begun=begun
    )
    return len(plan.steps)


def _preview(
    request: HttpRequest, day: Day, slots: list[EventSlot], form: DelayForm
) -> HttpResponse:
    event_date_id, chosen = day.event_date.pk, form.cleaned_data
    foreseen, stuck, places = whole_day.preview_delay(
        event_date_id, since=chosen["since"], minutes=chosen["minutes"], now=timezone.now()
    )
    start_of = {Target.slot(slot.pk): slot.start_time for slot in slots}
    refused = [
        (each.step.registration, each.step.target, each.refusal)
        for each in foreseen
        if each.refusal
    ]
    missing = whole_day.no_later_slot(chosen["minutes"])
    staying: dict[str, list[EventRegistration]] = defaultdict(list)
    for registration, goal, refusal in refused:
        staying[_why(refusal, start_of.get(goal))].append(registration)
    if stuck:
        staying[str(missing)] += stuck
    moving = len(foreseen) - len(refused)
    return common.page(
        request,
        "delay_preview.html",
        f"{chosen['minutes']} minutes later, from {display.clock(chosen['since'])} on",
        day=day,
        event_date_id=event_date_id,
        rows=_moved_slots(foreseen, stuck, places, start_of),
        moving=moving,
        staying=dict(staying),
        summary=_summary(moving, staying),
        hidden={**chosen, "number": request.POST.get("number", "")},
        back=reverse("admin:registrations_delay", args=[event_date_id]),
    )


def _summary(moving: int, staying: dict[str, list[EventRegistration]]) -> list[str]:
    sentences = [f"{_households(moving)} move{'s' if moving == 1 else ''} to later slots."]
    for reason, those in staying.items():
        stay = "stays where it is" if len(those) == 1 else STAY
        sentences.append(f"{len(those)} {stay}: {reason.rstrip('.')}.")
    return sentences


def _households(count: int) -> str:
    return f"{count or 'No'} household{'' if count == 1 else 's'}"


def _moved_slots(
    foreseen: Iterable[Foreseen],
    stuck: Iterable[EventRegistration],
    places: dict[Target, Place],
    start_of: dict[Target, str | None],
) -> list[MovedSlot]:
    """One row per slot, the earliest first; also for those that only take in."""
    moving, waiting, staying = Counter[Target](), Counter[Target](), Counter[Target]()
    goal_of: dict[Target, Target] = {}
    for each in foreseen:
        source = each.step.registration.target
        goal_of[source] = each.step.target
        if each.refusal:
            staying[source] += 1
        else:
            moving[source] += 1
            waiting[source] += each.waits
    staying.update(registration.target for registration in stuck)
    involved = {*places, *staying}
    in_order = sorted(involved, key=lambda target: (start_of.get(target) or "", target.id))
    return [
        MovedSlot(
            start_of.get(target),
            start_of.get(goal_of[target]) if target in goal_of else None,
            moving[target],
            waiting[target],
            staying[target],
            *_numbers(target, places),
        )
        for target in in_order
    ]


def _numbers(target: Target, places: dict[Target, Place]) -> tuple[int | None, int | None]:
    if place := places.get(target):
        return place.before, place.after
    counter = counters.read_unlocked(target)
    return (counter.reserved, counter.reserved) if counter else (None, None)


def _delay(request: HttpRequest, event_date_id: int, form: DelayForm) -> HttpResponse:
    try:
        result = whole_day.delay(
            event_date_id,
            number=common.parse_id(request.POST.get("number")),
            by=common.actor(request),
            **form.cleaned_data,
        )
    except RegistrationError as refusal:
        messages.error(request, common.error_message(refusal))
    except common.DOWN:
        messages.error(request, INTERRUPTED)
    else:
        _say(request, result, f"moved {form.cleaned_data['minutes']} minutes later")
    return redirect("admin:registrations_delay", event_date_id)


# Cancelled --------------------------------------------------------------------------------


@dataclass(frozen=True)
class CancelledSlot:
    """What cancelling the day does to one slot."""

    where: str
    confirmed: int
    waiting: int
    before: int | None
    after: int | None


def cancel(request: HttpRequest, event_date_id: int) -> HttpResponse:
    """Says what will be cancelled and asks for the reason, then does it."""
    common.check_permission(request, "cancel")
    form = CancelForm(request.POST or None)
    if form.is_valid():
        return _cancel(request, event_date_id, form.cleaned_data["reason"])
    by_slot = occupancy.tallies([event_date_id])[event_date_id]
    by_status = occupancy.total(by_slot)
    day, rows, warning = None, list[CancelledSlot](), ""
    try:
        day = occupancy.day(event_date_id)
        rows = _cancelled_slots(event_date_id, by_slot)
    except common.DOWN:
        warning = common.SCHEDULES_DOWN
    if day and day.event_date.closed_reason(timezone.now()) is None:
        warning = (
            "Booking for this date is open: households can register again as soon as they are "
            "cancelled. Close it in PantryTrak first."
        )
    confirmed, waiting = by_status[Status.CONFIRMED], by_status[Status.WAITLISTED]
    return common.page(
        request,
        "cancel_day.html",
        "Cancel the day",
        day=day,
        event_date_id=event_date_id,
        rows=rows,
        confirmed=confirmed,
        waiting=waiting,
        total=confirmed + waiting,
        attended=by_status[Status.CHECKED_IN] + by_status[Status.NO_SHOW],
        form=form,
        warning=warning,
        back=reverse("admin:registrations_day", args=[event_date_id]),
    )


def _cancelled_slots(event_date_id: int, by_slot: occupancy.Tallies) -> list[CancelledSlot]:
    """One row per slot where somebody has a place or waits, the earliest first."""
    tally_of = {
        Target.of(event_slot_id=slot_id, event_date_id=event_date_id): tally
        for slot_id, tally in by_slot.items()
        if tally[Status.CONFIRMED] or tally[Status.WAITLISTED]
    }
    found = appointments.find_many(tally_of)
    start_of = {
        target: found[target].start_time if target in found else None for target in tally_of
    }
    rows = []
    for target in sorted(tally_of, key=lambda each: (start_of[each] or "", each)):
        counter, tally = counters.read_unlocked(target), tally_of[target]
        before = counter.reserved if counter else None
        rows.append(
            CancelledSlot(
                "The whole day" if target.is_date else display.clock(start_of[target]) or "gone",
                tally[Status.CONFIRMED],
                tally[Status.WAITLISTED],
                before,
                None if before is None else before - tally[Status.CONFIRMED],
            )
        )
    return rows


def _cancel(request: HttpRequest, event_date_id: int, reason: str) -> HttpResponse:
    try:
        result = whole_day.cancel(event_date_id, reason=reason, by=common.actor(request))
    except RegistrationError as refusal:
        messages.error(request, f"{common.error_message(refusal)} What is done so far is kept.")
    except common.DOWN:
        messages.error(request, INTERRUPTED)
    else:
        _say(request, result, "cancelled")
        if not result.left:
            return redirect("admin:registrations_day", event_date_id)
    return redirect("admin:registrations_cancel_day", event_date_id)


# What was done ----------------------------------------------------------------------------


def _say(request: HttpRequest, result: Done, done: str) -> None:
    """How many it was, who could not and why, and whether anything is left."""
    if result.done:
        messages.success(request, f"{_households(result.done)} {done}.")
    elif not result.refused and not result.left:
        messages.info(request, "Nothing was left to do.")
    refused: dict[str, list[EventRegistration]] = defaultdict(list)
    for registration, refusal in result.refused:
        refused[_why(refusal)].append(registration)
    for reason, those in refused.items():
        messages.error(request, confirmation.refusal_message(those, STAY, reason))
    if result.left:
        messages.warning(request, f"{result.left} are left: continue below.")


def _why(refusal: Exception, at: str | None = None) -> str:
    if isinstance(refusal, CapacityFull):
        return f"no place left at {display.clock(at)}" if at else "no place left in the later slot"
    return common.error_message(refusal)
