"""Moving registrations to another slot: choose a date, then a slot, then confirm.

If not all fit, those who have a place go first, then those who wait; in both, the oldest first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common, confirmation
from registrations.desk.confirmation import LIST, Chosen, Effect, Entries, Forecast
from registrations.desk.forms import TargetForm
from registrations.errors import CapacityFull
from registrations.models import Status
from registrations.queries import occupancy, targets
from registrations.queries.details import RegistrationDetails
from registrations.services import booking, foresight
from registrations.services.foresight import Foreseen, Place, Step
from schedules import appointments, display
from schedules.appointments import Appointment
from schedules.targets import Target

MOVABLE = frozenset({Status.CONFIRMED, Status.WAITLISTED})
STAY = "stay where they are"


def run(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """One step at a time: each form carries the earlier choices along."""
    if (entries := confirmation.read(request, chosen)) is None:
        return None
    by_id = {entry.registration.pk: entry for entry in entries}
    in_order = foresight.in_order(entry.registration for entry in entries)
    entries = [by_id[registration.pk] for registration in in_order]
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
    others_wait, is_emptied = _queues_left(entries) if day else (False, False)
    return common.page(
        request,
        "move.html",
        "Move to another slot",
        rows=entries,
        dates=occupancy.upcoming(now),
        chosen=day,
        closed_reason=day and day.event_date.closed_reason(now),
        form=form,
        others_wait=others_wait,
        keep_queue="keep_queue" in request.POST if form.is_bound else is_emptied,
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=common.next_url(request, ""),
        back=common.next_url(request, reverse(LIST)),
    )


def _queues_left(entries: Entries) -> tuple[bool, bool]:
    """Whether others wait where places become free, and whether a whole slot is emptied there."""
    leaving = Counter((e.registration.target, e.registration.status) for e in entries)
    sources = {target for target, status in leaving if status is Status.CONFIRMED}
    left = {
        target: counts.holding - leaving[target, Status.CONFIRMED]
        for target, counts in targets.count_rows(sources).items()
        if counts.waiting > leaving[target, Status.WAITLISTED]
    }
    return bool(left), any(holding <= 0 for holding in left.values())


def _confirm_or_move(
    request: HttpRequest, entries: Entries, form: TargetForm
) -> HttpResponse | None:
    target, reason = form.chosen, form.cleaned_data["reason"]
    keep_queue = "keep_queue" in request.POST
    appointment = appointments.find_many([target])[target]
    why = partial(_why, appointment)
    if "confirmed" in request.POST:
        service = partial(
            booking.move, target=target, override_reason=reason, keep_queue=keep_queue
        )
        return confirmation.apply_to_each(request, entries, service, "moved", stay=STAY, why=why)
    foreseen, places = foresight.foresee(
        [Step(entry.registration, target) for entry in entries],
        now=timezone.now(),
        override=bool(reason),
        keep_queue=keep_queue,
    )
    where = common.describe(appointment)
    names = {**confirmation.where(entries), target: where}
    hidden = {
        "date": request.POST["date"],
        "target": str(form["target"].value()),
        "reason": reason,
        **({"keep_queue": "yes"} if keep_queue else {}),
    }
    effects = [
        _effect(entry, outcome, why) for entry, outcome in zip(entries, foreseen, strict=True)
    ]
    return confirmation.page(
        request,
        action="move",
        title=f"Move to {where}",
        effects=effects,
        leaving=Counter(),
        movements=movements(places, names, keep_queue=keep_queue, goal=target),
        summary=summary(foreseen, why),
        hidden=hidden,
    )


def movements(
    places: dict[Target, Place], names: dict[Target, str], *, keep_queue: bool, goal: Target
) -> list[Forecast]:
    """The counters that the moves touch, the goal last."""
    touched = [
        place
        for place in places.values()
        if place.target == goal or place.delta or place.promoted or place.counter is None
    ]
    touched.sort(key=lambda place: (place.target == goal, place.target))
    return [
        Forecast(
            names.get(place.target, confirmation.GONE),
            place.before,
            place.after,
            list(place.promoted.values()),
            len(place.queue) if keep_queue and place.target != goal else 0,
        )
        for place in touched
    ]


def summary(foreseen: Sequence[Foreseen], why: Callable[[Exception], str]) -> list[str]:
    """Empty if all move; otherwise how many do, and how many stay for which reason."""
    reasons = Counter(why(outcome.refusal) for outcome in foreseen if outcome.refusal)
    if not reasons:
        return []
    moving = len(foreseen) - reasons.total()
    sentences = [f"{moving or 'None'} of {len(foreseen)} move{'s' if moving == 1 else ''}."]
    for reason, count in reasons.items():
        stay = "stays where it is" if count == 1 else STAY
        sentences.append(f"{count} {stay}: {reason.rstrip('.')}.")
    return sentences


def _why(appointment: Appointment, refusal: Exception) -> str:
    """Why one stays where it is; without a free place, where there is none."""
    if not isinstance(refusal, CapacityFull):
        return common.error_message(refusal)
    if appointment.event_slot_id is None:
        return f"no place left on {display.day(appointment.date)}"
    return f"no place left at {display.clock(appointment.start_time)}"


def _effect(
    entry: RegistrationDetails, outcome: Foreseen, why: Callable[[Exception], str]
) -> Effect:
    registration = entry.registration
    if registration.status not in MOVABLE:
        status = registration.status.label.lower() if registration.status else "without a status"
        return entry, False, f"Already {status}: this will be refused."
    if registration.target == outcome.step.target:
        return entry, True, "Already there: nothing changes."
    if outcome.refusal:
        promoted = ", but is promoted where it waits" if outcome.was_promoted else ""
        return entry, False, f"Stays{promoted}: {why(outcome.refusal).rstrip('.')}."
    if registration.status is Status.WAITLISTED:
        return entry, True, "Leaves the waitlist for a place there."
    return entry, True, "Moves."
