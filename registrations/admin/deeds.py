"""What is done to registrations from the list and from their own page, one or many.

First a page that says what will happen, to the counters and to those who wait; then the service,
once for each. One that is refused is named with its reason and holds up no other.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from registrations.admin import desk
from registrations.models import HOLDING, EventRegistration, Status
from registrations.queries import details
from registrations.queries.details import RegistrationDetails
from registrations.services import attendance, booking, waitlist
from schedules import counters
from schedules.targets import Target

Rows = Sequence[RegistrationDetails]
Chosen = QuerySet[EventRegistration]
Effect = tuple[RegistrationDetails, bool, str]
"""A registration, whether the action is allowed on it, and what it will do."""

MOST = 300
"""Registrations that one confirmation page lists."""


@dataclass(frozen=True)
class Deed:
    name: str
    title: str
    done: str
    service: Callable[..., EventRegistration]
    allowed: frozenset[Status]
    effect: str


CHECK_IN = Deed(
    "check_in", "Check in", "checked in", attendance.check_in,
    frozenset({Status.CONFIRMED, Status.NO_SHOW}),
    "Checked in, all attendees. No counter moves.",
)  # fmt: skip
UNDO = Deed(
    "undo_check_in", "Undo check-in", "taken back", attendance.undo_check_in,
    frozenset({Status.CHECKED_IN}), "Confirmed again. No counter moves.",
)  # fmt: skip
NO_SHOW = Deed(
    "mark_no_show", "Mark as no-show", "marked as no-show", attendance.mark_no_show,
    frozenset({Status.CONFIRMED}), "Nobody came. The place stays counted.",
)  # fmt: skip
CANCEL = Deed(
    "cancel", "Cancel registrations", "cancelled", booking.cancel,
    frozenset({Status.CONFIRMED, Status.WAITLISTED}), "Leaves the queue. No counter moves.",
)  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """Where registrations are to be moved to, and how many."""

    target: Target
    where: str
    arriving: int


@dataclass(frozen=True)
class Movement:
    """What will become of one counter, and who moves up there."""

    where: str
    before: int | None
    after: int | None
    promoted: Sequence[EventRegistration]


def confirm_or_do(request: HttpRequest, chosen: Chosen, deed: Deed) -> HttpResponse | None:
    """The confirmation page of a deed, or, once it is confirmed, the deed on each registration."""
    if (rows := read(request, chosen)) is None:
        return None
    if "confirmed" in request.POST:
        return each(request, rows, deed.service, deed.done)
    effects = [
        (row, row.registration.status in deed.allowed, _effect(row.registration, deed))
        for row in rows
    ]
    chosen_rows = [row.registration for row in rows]
    leaving = Counter(row.target for row in chosen_rows if row.status in HOLDING & deed.allowed)
    gives_back = leaving if deed is CANCEL else Counter[Target]()
    return confirmation(request, deed.name, deed.title, effects, rows, gives_back)


def promote(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """Lets the queues of the chosen registrations move up: their heads go first, chosen or not."""
    if (rows := read(request, chosen)) is None:
        return None
    chosen_rows = [row.registration for row in rows]
    waiting = [row for row in chosen_rows if row.status is Status.WAITLISTED]
    targets = Counter({row.target: 0 for row in waiting})
    if "confirmed" in request.POST:
        return _promote(request, sorted(targets))
    try:
        movements = _movements(targets, rows)
    except desk.DOWN:
        movements = []
    moving_up = {row.pk for movement in movements for row in movement.promoted}

    def effect(row: RegistrationDetails) -> Effect:
        registration = row.registration
        if registration.status is not Status.WAITLISTED:
            return row, False, f"Is {registration.event_status}: does not wait."
        if registration.pk in moving_up:
            return row, True, "Moves up: will be confirmed."
        return row, False, f"Stays number {row.waitlist_position} in the queue."

    effects = [effect(row) for row in rows]
    return confirmation(request, "promote", "Let the waitlist move up", effects, rows, targets)


def _promote(request: HttpRequest, targets: Sequence[Target]) -> HttpResponse | None:
    promoted: list[EventRegistration] = []
    for target in targets:
        try:
            promoted += waitlist.promote(target, by=desk.actor(request))
        except desk.REFUSALS as refusal:
            messages.error(request, f"{target}: {desk.explain(refusal)}")
    if promoted:
        names = ", ".join(str(row.household) for row in promoted)
        messages.success(request, f"{len(promoted)} moved up: {names}.")
    else:
        messages.warning(request, "Nobody moved up: no place is free, or booking is closed.")
    return _back(request)


def read(request: HttpRequest, chosen: Chosen) -> Rows | None:
    """The chosen registrations with queue and appointment; None, and a message, if there are too
    many, or none of which anything is known."""
    rows = list(chosen[: MOST + 1])
    if len(rows) > MOST:
        messages.error(
            request, f"Choose at most {MOST} at a time, so that they can be looked over."
        )
        return None
    for row in rows:
        if not row.is_placed:
            said = (
                f"{row.confirmation_code} names neither slot nor date: nothing can be done to it."
            )
            messages.error(request, said)
    placed = [row for row in rows if row.is_placed]
    return details.read(placed) or None


def each(
    request: HttpRequest, rows: Rows, service: Callable[..., EventRegistration], done: str
) -> HttpResponse | None:
    """The service on each registration, and messages that say what came of it."""
    by, count = desk.actor(request), 0
    for row in (shown.registration for shown in rows):
        try:
            service(row, by=by)
            count += 1
        except desk.REFUSALS as refusal:
            why = desk.explain(refusal)
            messages.error(request, f"{row.confirmation_code} ({row.household}): {why}")
    if count:
        messages.success(request, f"{count} {done}.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse | None:
    """To the page that asked; the list finds its own way back, with its filters."""
    there = desk.back_to(request, "")
    return HttpResponseRedirect(there) if there else None


def confirmation(
    request: HttpRequest,
    action: str,
    title: str,
    effects: Sequence[Effect],
    rows: Rows,
    leaving: Counter[Target],
    goal: Goal | None = None,
    hidden: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The page that says what will happen: to each registration, and to each counter.

    `leaving` says how many give back a place at each target, `hidden` is what the form has to
    send along. Without freshtrak_public the page opens all the same, and says what it cannot tell.
    """
    try:
        movements, is_down = _movements(leaving, rows, goal), False
    except desk.DOWN:
        movements, is_down = [], True
    return desk.page(
        request,
        "confirm_deed.html",
        title,
        action=action,
        effects=effects,
        movements=movements,
        warning=desk.SCHEDULES_DOWN if is_down else "",
        hidden=dict(hidden or {}),
        checkbox_name=ACTION_CHECKBOX_NAME,
        next=desk.back_to(request, ""),
        back=desk.back_to(request, reverse("admin:registrations_eventregistration_changelist")),
    )


def _effect(row: EventRegistration, deed: Deed) -> str:
    if row.status not in deed.allowed:
        return f"Is {row.event_status}: will be refused."
    if deed is CANCEL and row.status is Status.CONFIRMED:
        return "Gives the place back."
    return deed.effect


def _movements(leaving: Counter[Target], rows: Rows, goal: Goal | None = None) -> list[Movement]:
    now = timezone.now()
    names = {
        row.registration.target: desk.where(row.appointment) for row in rows if row.appointment
    }
    movements = [
        _movement(target, names.get(target, str(target)), now, leaving=count)
        for target, count in sorted(leaving.items())
    ]
    if goal is not None:
        movements.append(_movement(goal.target, goal.where, now, arriving=goal.arriving))
    return movements


def _movement(
    target: Target, where: str, now: datetime, *, leaving: int = 0, arriving: int = 0
) -> Movement:
    promoted = waitlist.preview(target, leaving=leaving, now=now)
    if (row := counters.read_unlocked(target)) is None:
        return Movement(where, None, None, promoted)
    after = row.reserved - leaving + len(promoted)
    arrived = min(arriving, max(row.capacity - after, 0))
    return Movement(where, row.reserved, after + arrived, promoted)
