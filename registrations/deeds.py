"""What staff do from the admin: first a page that says what will happen, then the service."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audit import trail
from registrations.errors import RegistrationError
from registrations.models import HOLDING, EventRegistration, Status
from registrations.queries import listing
from registrations.services import attendance, booking, waitlist
from schedules import counters
from schedules.counters import Target

DOWN = (OperationalError, InterfaceError)


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


def confirm_or_do(
    admin: ModelAdmin, request: HttpRequest, queryset: Any, deed: Deed
) -> HttpResponse | None:
    """The confirmation page, or, once it is confirmed, the deed on each registration.

    One that is refused is named with its reason and holds up no other.
    """
    rows = list(queryset)
    listing.show(rows)
    if "confirmed" in request.POST:
        _do(request, rows, deed)
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": deed.title,
        "deed": deed,
        "rows": [(row, row.status in deed.allowed, _effect(row, deed)) for row in rows],
        "counters": _counters(rows) if deed is CANCEL else [],
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "registrations/confirm_deed.html", context)


def _do(request: HttpRequest, rows: list[EventRegistration], deed: Deed) -> None:
    by = trail.staff(str(request.user.pk))
    done = 0
    for row in rows:
        try:
            deed.service(row, by=by)
            done += 1
        except (RegistrationError, *DOWN) as refusal:
            why = "A database does not answer." if isinstance(refusal, DOWN) else str(refusal)
            messages.error(request, f"{row.confirmation_code} ({row.household}): {why}")
    if done:
        messages.success(request, f"{done} {deed.done}.")


def _effect(row: EventRegistration, deed: Deed) -> str:
    if row.status not in deed.allowed:
        return f"Is {row.event_status}: will be refused."
    if deed is CANCEL and row.status is Status.CONFIRMED:
        return "Gives the place back."
    return deed.effect


def _counters(rows: list[EventRegistration]) -> list[dict[str, Any]]:
    """What cancelling does at each target: the counter before and after, and who moves up.

    Nothing is said where public does not answer: the page opens all the same.
    """
    now = timezone.now()
    leaving: Counter[Target] = Counter(
        row.target for row in rows if row.status in HOLDING & CANCEL.allowed
    )
    try:
        return [_counter(target, count, now) for target, count in leaving.items()]
    except DOWN:
        return []


def _counter(target: Target, leaving: int, now: datetime) -> dict[str, Any]:
    promoted = waitlist.preview(target, leaving=leaving, now=now)
    seen = counters.look(target)
    return {
        "target": str(target),
        "before": seen and seen[1],
        "after": seen and seen[1] - leaving + len(promoted),
        "promoted": [registration.household for registration in promoted],
    }
