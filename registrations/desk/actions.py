"""What staff do to one or many registrations, from the list or from a registration's page.

STAFF_ACTIONS is the only list of these actions: menu, buttons, permissions and confirmation page
come from it. Add a new action there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from registrations.desk import common, confirmation, move, places
from registrations.desk.confirmation import Chosen, Effect
from registrations.models import HOLDING, EventRegistration, Status
from registrations.queries.details import RegistrationDetails
from registrations.services import attendance, booking, waitlist
from schedules.keys import When
from schedules.targets import Target

Run = Callable[[HttpRequest, Chosen], HttpResponse | None]
"""Returns the next page for the chosen registrations; None goes back to the list."""


@dataclass(frozen=True)
class StaffAction:
    name: str
    label: str
    """In the menu, on the button, and as title of the confirmation page."""
    permission: str
    """view, attend, cancel, move, …: a permission on registrations."""
    allowed: frozenset[Status]
    """A registration's page offers the action in these statuses."""
    run: Run

    not_when: frozenset[When | None] = frozenset()
    """A registration's page does not offer the action on such days (None: the day is not known)."""

    def is_offered(self, request: HttpRequest, shown: RegistrationDetails) -> bool:
        is_allowed = shown.registration.status in self.allowed
        is_allowed = is_allowed and _when(shown) not in self.not_when
        return is_allowed and common.has_permission(request, self.permission)


def _when(shown: RegistrationDetails) -> When | None:
    return shown.appointment.when(timezone.now()) if shown.appointment else None


def _confirmed(
    name: str,
    label: str,
    permission: str,
    allowed: frozenset[Status],
    *,
    service: Callable[..., EventRegistration],
    done: str,
    effect: str,
    frees_places: bool = False,
    title: str = "",
    reasons: Callable[[RegistrationDetails], str] | None = None,
    if_waiting: str = "",
) -> StaffAction:
    """An action that calls one service per registration, after a confirmation page.

    `reasons` tells why the service wants a reason for a registration; "" if it wants none.
    `if_waiting` is the effect on those who wait, if it is not refused.
    """

    def run(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        if (entries := confirmation.read(request, chosen)) is None:
            return None
        if "confirmed" in request.POST:
            return confirmation.apply_to_each(request, entries, _with_reason(request), done)
        leaving: Counter[Target] = Counter()
        asks_reason = ""
        effects: list[Effect] = []
        for entry in entries:
            registration = entry.registration
            is_allowed, text = registration.status in allowed, effect
            if if_waiting and registration.status is Status.WAITLISTED:
                is_allowed, text = True, if_waiting
            elif not is_allowed:
                text = f"Already {_label(registration)}: this will be refused."
            elif frees_places and registration.status in HOLDING:
                leaving[registration.target] += 1
                text = "Gives the place back."
            elif reasons and (why := reasons(entry)):
                text, asks_reason = f"{why} Needs the reason below.", why
            elif reasons and _when(entry) is When.PAST:
                text = f"The day has passed. {effect}"
            effects.append((entry, is_allowed, text))
        return confirmation.page(
            request,
            action=name,
            title=title or label,
            effects=effects,
            leaving=leaving,
            asks_reason=asks_reason,
        )

    def _with_reason(request: HttpRequest) -> Callable[..., EventRegistration]:
        if reasons is None:
            return service
        return partial(service, override_reason=places.reason(request))

    return StaffAction(name, label, permission, allowed, run)


def _promote(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """Promotes at the targets of the chosen registrations, always from the head of the queue."""
    if (entries := confirmation.read(request, chosen)) is None:
        return None
    waiting = [entry for entry in entries if entry.registration.status is Status.WAITLISTED]
    targets = Counter({entry.registration.target: 0 for entry in waiting})
    reason = places.reason(request)
    by_slot: set[Target] = set()
    try:
        by_slot = {target for target in targets if waitlist.needs_slot(target)}
        now = timezone.now()
        is_closed = not all(waitlist.is_open(target, now) for target in targets.keys() - by_slot)
        if "confirmed" in request.POST and (reason or not is_closed):
            return _promote_at(request, sorted(targets), reason)
        forecasts = confirmation.forecast(targets, entries, override=True)
    except common.DOWN:
        is_closed, forecasts = False, []
    promoted = {registration.pk for forecast in forecasts for registration in forecast.promoted}

    def effect(entry: RegistrationDetails) -> Effect:
        registration = entry.registration
        if registration.status is not Status.WAITLISTED:
            return entry, False, f"Is {_label(registration)}, not waiting."
        if registration.pk in promoted:
            return entry, True, "Will be promoted and confirmed."
        text = f"Stays number {entry.waitlist_position} on the waitlist."
        if registration.target in by_slot:
            text += " The date has time slots by now: move the household to one of them."
        return entry, False, text

    return confirmation.page(
        request,
        action="promote",
        title="Promote from the waitlist",
        effects=[effect(entry) for entry in entries],
        leaving=targets,
        override=True,
        asks_reason="Booking is closed: say why somebody is promoted all the same."
        if is_closed
        else "",
    )


def _promote_at(
    request: HttpRequest, targets: Sequence[Target], reason: str
) -> HttpResponse | None:
    promoted: list[EventRegistration] = []
    for target in targets:
        try:
            promoted += waitlist.promote(target, override_reason=reason, by=common.actor(request))
        except common.REFUSALS as refusal:
            messages.error(request, common.error_message(refusal))
    if promoted:
        names = ", ".join(str(registration.household) for registration in promoted)
        messages.success(request, f"{len(promoted)} promoted: {names}.")
    else:
        messages.warning(request, "Nobody was promoted: no place is free, or the day is over.")
    return confirmation.redirect_back(request)


def _is_to_come(entry: RegistrationDetails) -> str:
    return "The day is still to come." if _when(entry) is When.TO_COME else ""


def _may_be_to_come(entry: RegistrationDetails) -> str:
    if not entry.is_schedule_available:
        return "PantryTrak does not answer, so the day is not known."
    return _is_to_come(entry)


def _came_today(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """Its own page: the household needs a place of today."""
    registrations = list(chosen[:2])
    if len(registrations) != 1:
        messages.error(request, "Choose one registration: each needs a place of its own today.")
        return confirmation.redirect_back(request)
    return redirect("admin:registrations_came_today", registrations[0].pk)


def _label(registration: EventRegistration) -> str:
    return registration.status.label.lower() if registration.status else "of an unknown status"


STAFF_ACTIONS = (
    _confirmed(
        "check_in",
        "Check in",
        "attend",
        frozenset({Status.CONFIRMED, Status.NO_SHOW}),
        service=attendance.check_in,
        done="checked in",
        effect="Will be checked in with all attendees. No counter moves.",
        reasons=_is_to_come,
        if_waiting="Gets a place and is checked in, on the day, if one is left for it.",
    ),
    StaffAction(
        "came_today",
        "Came today instead",
        "walk_in",
        frozenset({Status.CONFIRMED, Status.WAITLISTED, Status.NO_SHOW}),
        _came_today,
        not_when=frozenset({When.TODAY, None}),
    ),
    _confirmed(
        "undo_check_in",
        "Undo check-in",
        "attend",
        frozenset({Status.CHECKED_IN}),
        service=attendance.undo_check_in,
        done="check-in{s} undone",
        effect="Goes back to confirmed. No counter moves.",
    ),
    _confirmed(
        "mark_no_show",
        "Mark as no-show",
        "attend",
        frozenset({Status.CONFIRMED}),
        service=attendance.mark_no_show,
        done="marked as no-show",
        effect="Marked as no-show. The place stays reserved.",
        reasons=_may_be_to_come,
    ),
    StaffAction("move", "Move to another slot", "move", move.MOVABLE, move.run),
    StaffAction(
        "promote",
        "Promote from the waitlist",
        "promote",
        frozenset({Status.WAITLISTED}),
        _promote,
    ),
    StaffAction(
        "give_place",
        "Give a place and check in",
        "give_place",
        frozenset({Status.WAITLISTED}),
        places.from_list,
    ),
    StaffAction(
        "pass_on",
        "Give the place of this no-show to the next",
        "give_place",
        frozenset({Status.NO_SHOW}),
        places.pass_on,
    ),
    _confirmed(
        "cancel",
        "Cancel",
        "cancel",
        frozenset({Status.CONFIRMED, Status.WAITLISTED}),
        service=booking.cancel,
        done="cancelled",
        effect="Leaves the waitlist. No counter moves.",
        frees_places=True,
        title="Cancel registrations",
    ),
)


def offered(request: HttpRequest, shown: RegistrationDetails) -> list[StaffAction]:
    """The actions that the registration's status and day, and the user's permissions, allow."""
    return [action for action in STAFF_ACTIONS if action.is_offered(request, shown)]
