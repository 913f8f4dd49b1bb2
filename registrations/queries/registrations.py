"""Filters registrations by status, day, name or code."""

from datetime import date, datetime

from django.db.models import Case, Q, QuerySet, When

from registrations import confirmation_codes
from registrations.models import EventRegistration, EventRegistrationQuerySet, Status
from registrations.queries import names as names_of
from registrations.queries import statuses
from schedules.models import EventDate


def registrations() -> EventRegistrationQuerySet:
    """Registrations as the API shows them, with status and attendees, newest first."""
    return (
        EventRegistration.objects.select_related("event_status")
        .prefetch_related("attendees__household_member")
        .order_by("-pk")
    )


def filtered(
    queryset: "QuerySet[EventRegistration]",
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
    """`queryset` by what a client asks for. Days live in public, so they filter by date ids."""
    queryset = queryset.filter(**ids)
    if status is not None:
        queryset = queryset.filter(event_status__in=statuses.rows_meaning(Status(status)))
    if when is not None:
        queryset = at_time(queryset, when, now)
    if date_from is not None or date_to is not None:
        queryset = on_days(queryset, date_from, date_to)
    queryset = find(queryset, search, names=search_names)
    return queryset.order_by("pk" if ordering == "created_at" else "-pk")


def at_time(
    queryset: "QuerySet[EventRegistration]", when: str, now: datetime
) -> "QuerySet[EventRegistration]":
    """Those from today on (`when` is "upcoming"), or all others ("past")."""
    upcoming = Q(event_date_id__in=_ids(EventDate.objects.upcoming(now)))
    return queryset.filter(upcoming if when == "upcoming" else ~upcoming)


def on_days(
    queryset: "QuerySet[EventRegistration]", first: date | None, last: date | None
) -> "QuerySet[EventRegistration]":
    """Those from `first` to `last`, both included; None means no limit."""
    return queryset.filter(event_date_id__in=_ids(EventDate.objects.between(first, last)))


def _ids(days: "QuerySet[EventDate]") -> list[int]:
    return list(days.values_list("pk", flat=True))


def find(
    queryset: "QuerySet[EventRegistration]", text: str, *, names: bool
) -> "QuerySet[EventRegistration]":
    """Those with this confirmation code; with `names`, also those with a matching name."""
    text = text.strip()
    return queryset.filter(_matches(text, names=names)) if text else queryset


def find_similar(
    queryset: "QuerySet[EventRegistration]", text: str
) -> "QuerySet[EventRegistration]":
    """Like `find` by code and name, followed by names that `text` may misspell."""
    text = text.strip()
    if not text:
        return queryset
    exact = _matches(text, names=True)
    similar = queryset.filter(exact | names_of.matches_fuzzily(text, "household__"))
    return similar.order_by(Case(When(exact, then=0), default=1), *similar.query.order_by)


def _matches(text: str, *, names: bool) -> Q:
    matches = Q(pk=confirmation_codes.decode(text) or 0)
    return matches | names_of.matches(text, "household__") if names else matches


def reload(registration: EventRegistration) -> None:
    """Reads the row again: the object may be long out of date."""
    registration.refresh_from_db()
    registration.event_status = statuses.row(registration.event_status_id)
