"""What a close-out wrote, and what of it still stands: the trail knows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from audit.models import AuditEvent
from registrations.models import EventRegistration, Status
from registrations.queries import statuses


@dataclass(frozen=True)
class CloseOut:
    """One close-out of a date, as far as it can be undone."""

    id: str
    at: datetime
    """When it began."""
    actor_kind: str
    actor_id: str
    marked: int
    """The no-shows that it wrote and that nobody has touched since."""


def no_shows(event_date_id: int) -> QuerySet[EventRegistration]:
    """The no-shows of a date, in the order of their ids."""
    meaning = statuses.rows_meaning(Status.NO_SHOW)
    of_date = EventRegistration.objects.filter(
        event_date_id=event_date_id, event_status__in=meaning
    )
    return of_date.order_by("pk")


def of_date(event_date_id: int) -> list[CloseOut]:
    """The close-outs of a date of which something still stands, the newest first. Two queries."""
    standing: dict[str, list[AuditEvent]] = {}
    registration_ids = no_shows(event_date_id).order_by().values("pk")
    for event in _newest_facts().filter(registration_id__in=registration_ids).order_by("pk"):
        if close_out_id := event.details.get("close_out"):
            standing.setdefault(close_out_id, []).append(event)
    found = [
        CloseOut(close_out_id, events[0].at, events[0].actor_kind, events[0].actor_id, len(events))
        for close_out_id, events in standing.items()
    ]
    return sorted(found, key=lambda each: each.at, reverse=True)


def untouched(close_out_id: str, registration_ids: Collection[int]) -> set[int]:
    """Those of these registrations whose newest fact is a no-show that this close-out wrote."""
    newest = _newest_facts().filter(registration_id__in=registration_ids)
    return {
        event.registration_id
        for event in newest
        if event.registration_id and event.details.get("close_out") == close_out_id
    }


def _newest_facts() -> QuerySet[AuditEvent]:
    """No-shows of the trail after which nothing happened to their registration."""
    later = AuditEvent.objects.filter(
        registration_id=OuterRef("registration_id"), pk__gt=OuterRef("pk")
    )
    return AuditEvent.objects.filter(~Exists(later), action=AuditEvent.Action.NO_SHOW)
