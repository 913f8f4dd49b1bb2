"""What staff do to one or many registrations, from the list or from a registration's page.

STAFF_ACTIONS is the only list of these actions: menu, buttons, permissions and confirmation page
come from it. Add a new action there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from registrations.desk import common, confirmation, move, places
from registrations.desk.confirmation import Chosen, Effect
from registrations.models import HOLDING, EventRegistration, Status
from registrations.queries.details import RegistrationDetails
from registrations.services import attendance, booking, waitlist
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

    def is_offered(self, request: HttpRequest, registration: EventRegistration) -> bool:
        is_allowed = registration.status in self.allowed
        return is_allowed and common.has_permission(request, self.permission)


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
    if_waiting: str = "",
) -> StaffAction:
    """An action that calls one service per registration, after a confirmation page.

    `if_waiting` is the effect on those who wait, if it is not refused.
    """

    def run(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        if (entries := confirmation.read(request, chosen)) is None:
            return None
        if "confirmed" in request.POST:
            return confirmation.apply_to_each(request, entries, service, done)
        leaving: Counter[Target] = Counter()
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
            effects.append((entry, is_allowed, text))
        return confirmation.page(
            request, action=name, title=title or label, effects=effects, leaving=leaving
        )

    return StaffAction(name, label, permission, allowed, run)


def _promote(request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
    """Promotes at the targets of the chosen registrations, always from the head of the queue."""
    if (entries := confirmation.read(request, chosen)) is None:
        return None
    waiting = [entry for entry in entries if entry.registration.status is Status.WAITLISTED]
    targets = Counter({entry.registration.target: 0 for entry in waiting})
    reason = places.reason(request)
    try:
        is_closed = not all(waitlist.is_open(target, timezone.now()) for target in targets)
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
        return entry, False, f"Stays number {entry.waitlist_position} on the waitlist."

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
        if_waiting="Gets a place and is checked in, on the day, if one is left for it.",
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


def offered(request: HttpRequest, registration: EventRegistration) -> list[StaffAction]:
    """The actions that the registration's status and the user's permissions allow."""
    return [action for action in STAFF_ACTIONS if action.is_offered(request, registration)]
