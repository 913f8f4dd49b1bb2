"""Registrations and check-ins as they are listed: filtered, with queue and appointment."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import (
    Case,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)

from audit.models import CheckIn
from registrations import confirmation_codes
from registrations.models import EventRegistration, EventRegistrationQuerySet, Status
from registrations.queries import names as names_of
from registrations.queries import places
from schedules import appointments
from schedules.appointments import Appointment
from schedules.counters import Target
from schedules.models import EventDate

log = structlog.get_logger(__name__)


def registrations() -> EventRegistrationQuerySet:
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
        rows = rows.filter(event_status__in=places.rows_meaning(Status(status)))
    if when is not None:
        rows = at_time(rows, when, now)
    if date_from is not None or date_to is not None:
        rows = on_days(rows, date_from, date_to)
    rows = find(rows, search, names=search_names)
    return rows.order_by("pk" if ordering == "created_at" else "-pk")


def at_time(
    rows: "QuerySet[EventRegistration]", when: str, now: datetime
) -> "QuerySet[EventRegistration]":
    """Those of today and later (`when` is "upcoming"), or all others ("past")."""
    upcoming = Q(event_date_id__in=_ids(EventDate.objects.upcoming(now)))
    return rows.filter(upcoming if when == "upcoming" else ~upcoming)


def on_days(
    rows: "QuerySet[EventRegistration]", first: date | None, last: date | None
) -> "QuerySet[EventRegistration]":
    """Those from `first` to `last`, both included; None is no limit."""
    return rows.filter(event_date_id__in=_ids(EventDate.objects.between(first, last)))


def _ids(days: "QuerySet[EventDate]") -> list[int]:
    return list(days.values_list("pk", flat=True))


def find(
    rows: "QuerySet[EventRegistration]", text: str, *, names: bool
) -> "QuerySet[EventRegistration]":
    """Those with this confirmation code; with `names` also those of a household or member."""
    text = text.strip()
    return rows.filter(_matches(text, names=names)) if text else rows


def find_similar(rows: "QuerySet[EventRegistration]", text: str) -> "QuerySet[EventRegistration]":
    """As `find` by code and name, and behind those the names that `text` may misspell."""
    text = text.strip()
    if not text:
        return rows
    exact = _matches(text, names=True)
    found = rows.filter(exact | names_of.resembling(text, "household__"))
    return found.order_by(Case(When(exact, then=0), default=1), *found.query.order_by)


def _matches(text: str, *, names: bool) -> Q:
    matches = Q(pk=confirmation_codes.decode(text) or 0)
    return matches | names_of.named(text, "household__") if names else matches


def show(page: Sequence[EventRegistration]) -> bool:
    """Adds what a registration's own row does not hold: queue, appointment, who attends.

    Without freshtrak_public the appointment stays None, and False is returned: a registration
    can still be shown.
    """
    positions = waitlist_positions(page)
    found = _appointments(row.target for row in page if row.is_placed)
    for row in page:
        row.waitlist_position = positions.get(row.pk)
        row.appointment = (found or {}).get(row.target) if row.is_placed else None
        row.attending = [a.household_member for a in row.attendees.all() if a.household_member]
    return found is not None


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
    found = _appointments(targets.values()) or {}
    return {pk: found[target] for pk, target in targets.items() if target in found}


def _appointments(targets: Iterable[Target]) -> dict[Target, Appointment] | None:
    """As public tells; None if it does not answer."""
    try:
        return appointments.find_many(targets)
    except (DatabaseError, InterfaceError):
        log.warning("schedule_unavailable", exc_info=True)
        return None
