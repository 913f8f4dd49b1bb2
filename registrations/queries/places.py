"""What the services ask about a target: who holds, who waits, who has a place already."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import (
    Count,
    Exists,
    FilteredRelation,
    Max,
    OuterRef,
)

from registrations.models import (
    HOLDING,
    EventRegistration,
    EventRegistrationMember,
    EventStatus,
    Status,
    at_target,
)
from schedules.counters import Target


@dataclass(frozen=True)
class Tally:
    """How many registrations a target has, and the rows of `event_statuses`."""

    holding: int
    waiting: int
    last_waitlisted_at: datetime | None
    """When the last of the queue joined it."""
    rows: dict[int, EventStatus]
    statuses: dict[Status, EventStatus]
    """The row to write for each status."""


def tally(target: Target) -> Tally:
    """Counts by status at one target, from an index, in one query."""
    rows = (
        EventStatus.objects.annotate(
            here=FilteredRelation("registrations", condition=at_target(target, "registrations__"))
        )
        .annotate(count=Count("here"), last_waitlisted_at=Max("here__waitlisted_at"))
        .order_by("pk")
    )
    statuses: dict[Status, EventStatus] = {}
    counts: Counter[Status] = Counter()
    for row in rows:
        if (status := row.status) is not None:
            statuses.setdefault(status, row)  # of two spellings, the older row is written
            counts[status] += row.count
    return Tally(
        holding=sum(counts[status] for status in HOLDING),
        waiting=counts[Status.WAITLISTED],
        last_waitlisted_at=max(
            (row.last_waitlisted_at for row in rows if row.last_waitlisted_at), default=None
        ),
        rows={row.pk: row for row in rows},
        statuses=statuses,
    )


def eligible_queue(target: Target, limit: int) -> list[EventRegistration]:
    """The first `limit` of the waitlist who can still be given a place.

    Skipped, and left in the queue: households that are gone, registrations of which no attendee
    is left. (A household with another place that day cannot be in it: the database forbids it.)
    """
    attending = EventRegistrationMember.objects.filter(
        event_registration_id=OuterRef("pk"), household_member__is_active=True
    )
    queue = EventRegistration.objects.at(target).waiting()
    eligible = queue.filter(Exists(attending), household__isnull=False, household__deleted_on=None)
    return list(eligible[:limit])


def rows_meaning(status: Status) -> list[EventStatus]:
    """The rows of `event_statuses` that mean this status, however spelt, the oldest first."""
    return [row for row in EventStatus.objects.order_by("pk") if row.status is status]


def status_row(status: Status) -> EventStatus:
    """The row of `event_statuses` to write: the oldest that means this status."""
    return rows_meaning(status)[0]


def active_registration_id(household_id: int, event_date_id: int) -> int | None:
    """The id of the household's one active registration on a date."""
    rows = EventRegistration.objects.active().filter(
        household_id=household_id, event_date_id=event_date_id
    )
    return rows.values_list("pk", flat=True).first()


def waitlisted(event_date_ids: Iterable[int]) -> dict[tuple[int, int | None], int]:
    """How many wait at each (date, slot) of these dates; slot None is the date itself."""
    counts = (
        EventRegistration.objects.waiting()
        .filter(event_date_id__in=list(event_date_ids))
        .order_by()
        .values_list("event_date_id", "event_slot_id")
        .annotate(count=Count("pk"))
    )
    return {(date_id, slot_id): count for date_id, slot_id, count in counts if date_id}


def targets_with_queue(event_date_id: int | None = None) -> list[Target]:
    """Slots and date-only dates where somebody waits, of one date or of all."""
    waiting = EventRegistration.objects.waiting().order_by()
    if event_date_id is not None:
        waiting = waiting.filter(event_date_id=event_date_id)
    rows = waiting.values_list("event_slot_id", "event_date_id").distinct()
    return sorted({Target.of(event_slot_id=slot, event_date_id=date) for slot, date in rows})
