"""Registrations and check-ins as they are listed: filtered, with queue and appointment."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import (
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from audit.models import CheckIn
from registrations import confirmation_codes
from registrations.models import (
    EventRegistration,
    EventStatus,
    HouseholdMember,
    Status,
)
from schedules import appointments
from schedules.appointments import Appointment
from schedules.counters import Target
from schedules.models import EventDate

log = structlog.get_logger(__name__)


def registrations() -> "QuerySet[EventRegistration]":
    """Registrations as the API shows them: status and attendees with them, newest first."""
    return (
        EventRegistration.objects.select_related("event_status")
        .prefetch_related("attendees__household_member")
        .order_by("-pk")
    )


def filtered(
    rows: "QuerySet[EventRegistration]",
    *,
    now: datetime,
    search_names: bool,
    status: str | None = None,
    when: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    search: str = "",
    ordering: str = "-created_at",
    **ids: int,
) -> "QuerySet[EventRegistration]":
    """`rows` by what a client asks for. Days are public's: they go by the ids of its dates."""
    rows = rows.filter(**ids)
    if status is not None:
        rows = rows.filter(event_status_id__in=_status_ids(Status(status)))
    if when is not None:
        days = EventDate.objects.upcoming(now).values_list("pk", flat=True)
        upcoming = Q(event_date_id__in=list(days))
        rows = rows.filter(upcoming if when == "upcoming" else ~upcoming)
    if date_from is not None or date_to is not None:
        days = EventDate.objects.between(date_from, date_to).values_list("pk", flat=True)
        rows = rows.filter(event_date_id__in=list(days))
    rows = find(rows, search, names=search_names)
    return rows.order_by("pk" if ordering == "created_at" else "-pk")


def find(
    rows: "QuerySet[EventRegistration]", text: str, *, names: bool
) -> "QuerySet[EventRegistration]":
    """Those with this confirmation code; with `names` also those of a household or member."""
    text = text.strip()
    return rows.filter(_matches(text, names=names)) if text else rows


def _status_ids(status: Status) -> list[int]:
    return [row.pk for row in EventStatus.objects.all() if row.status is status]


def _matches(text: str, *, names: bool) -> Q:
    matches = Q(pk=confirmation_codes.decode(text) or 0)
    if names:
        members = HouseholdMember.objects.filter(
            Q(first_name__icontains=text) | Q(last_name__icontains=text)
        )
        matches |= Q(household__name__icontains=text)
        matches |= Q(household__identification_code=text)
        matches |= Q(household_id__in=members.values("household_id"))
    return matches


def show(page: Sequence[EventRegistration]) -> None:
    """Adds what a registration's own row does not hold: queue, appointment, who attends.

    Without freshtrak_public the appointment stays None: a registration can still be shown.
    """
    positions = waitlist_positions(page)
    found = _appointments(row.target for row in page if row.is_placed)
    for row in page:
        row.waitlist_position = positions.get(row.pk)
        row.appointment = found.get(row.target) if row.is_placed else None
        row.attending = [a.household_member for a in row.attendees.all() if a.household_member]


def waitlist_positions(page: Iterable[EventRegistration]) -> dict[int, int]:
    """Place in the queue (1 is the head) of each waiting registration of `page`.

    At most two queries, whatever the size of page and queues: slots and date-only dates.
    """
    waiting = [row for row in page if row.waitlisted_at is not None]
    at_slots = [row.pk for row in waiting if row.event_slot_id is not None]
    at_dates = [row.pk for row in waiting if row.event_slot_id is None]
    same_slot = Q(event_slot_id=OuterRef("event_slot_id"))
    same_date = Q(event_slot_id=None, event_date_id=OuterRef("event_date_id"))
    return _positions(at_slots, same_slot) | _positions(at_dates, same_date)


def _positions(ids: list[int], same_target: Q) -> dict[int, int]:
    if not ids:
        return {}
    not_behind = Q(waitlisted_at__lt=OuterRef("waitlisted_at")) | Q(
        waitlisted_at=OuterRef("waitlisted_at"), pk__lte=OuterRef("pk")
    )
    ahead = EventRegistration.objects.filter(same_target, not_behind).order_by()
    count = ahead.annotate(count=Func(F("pk"), function="COUNT")).values("count")
    rows = EventRegistration.objects.filter(pk__in=ids).annotate(position=Subquery(count))
    return dict(rows.values_list("pk", "position"))


def appointments_of(records: Iterable[CheckIn]) -> dict[int, Appointment]:
    """The appointment of each check-in record, by its id; without those that are gone."""
    targets = {
        record.pk: Target.of(event_slot_id=record.event_slot_id, event_date_id=record.event_date_id)
        for record in records
        if record.event_slot_id is not None or record.event_date_id is not None
    }
    found = _appointments(targets.values())
    return {pk: found[target] for pk, target in targets.items() if target in found}


def _appointments(targets: Iterable[Target]) -> dict[Target, Appointment]:
    """As public tells; none if it does not answer."""
    try:
        return appointments.find_many(targets)
    except (DatabaseError, InterfaceError):
        log.warning("schedule_unavailable", exc_info=True)
        return {}
