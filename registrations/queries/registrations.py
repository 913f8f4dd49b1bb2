"""Which registrations are listed: by status, day, name or code."""

from datetime import date, datetime

from django.db.models import Case, Q, QuerySet, When

from registrations import confirmation_codes
from registrations.models import EventRegistration, EventRegistrationQuerySet, Status
from registrations.queries import names as names_of
from registrations.queries import statuses
from schedules.models import EventDate


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
        rows = rows.filter(event_status__in=statuses.rows_meaning(Status(status)))
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
    found = rows.filter(exact | names_of.matches_fuzzily(text, "household__"))
    return found.order_by(Case(When(exact, then=0), default=1), *found.query.order_by)


def _matches(text: str, *, names: bool) -> Q:
    matches = Q(pk=confirmation_codes.decode(text) or 0)
    return matches | names_of.matches(text, "household__") if names else matches


def reload(registration: EventRegistration) -> None:
    """Re-reads the row: what was read before may be long out of date."""
    registration.refresh_from_db()
    registration.event_status = statuses.row(registration.event_status_id)
