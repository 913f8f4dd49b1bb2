"""What the services ask about a target: who waits, who can be promoted, who has a place already."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Exists, Max, OuterRef, Q

from freshtrak.databases import PRIVATE, query
from registrations.models import (
    HOLDING,
    EventRegistration,
    EventRegistrationMember,
    EventRegistrationQuerySet,
    Status,
    at_targets,
)
from registrations.queries import statuses
from schedules.targets import Kind, Target


class Counts(NamedTuple):
    """What the rows of one target say."""

    holding: int = 0
    waiting: int = 0
    last_waitlisted_at: datetime | None = None


def count_rows(targets: Collection[Target]) -> dict[Target, Counts]:
    """How many hold and wait at each target, from an index. At most two queries."""
    holding = Q(event_status__in=statuses.rows_meaning(*HOLDING))
    waiting = Q(event_status__in=statuses.rows_meaning(Status.WAITLISTED))
    counted = dict.fromkeys(targets, Counts())
    for kind in Kind:
        ids = [target.id for target in targets if target.kind is kind]
        if not ids:
            continue
        rows = EventRegistration.objects.filter(at_targets(kind, ids)).order_by()
        counts = rows.values_list(kind.column).annotate(
            holding=Count("pk", filter=holding),
            waiting=Count("pk", filter=waiting),
            last_waitlisted_at=Max("waitlisted_at"),
        )
        for target_id, *found in counts:
            counted[Target(kind, target_id)] = Counts(*found)
    return counted


def eligible_queue(target: Target, limit: int) -> list[EventRegistration]:
    """The first `limit` of the waitlist who can still be given a place.

    Skipped, and left in the queue: households that are deleted, registrations of which no attendee
    is left. (A household with another place that day cannot be in it: the database forbids it.)
    """
    return list(eligible(target)[:limit])


def eligible(target: Target) -> EventRegistrationQuerySet:
    """All of the waitlist who can still be given a place, head first."""
    return who_can_come(EventRegistration.objects.at(target).waiting())


def who_can_come(registrations: EventRegistrationQuerySet) -> EventRegistrationQuerySet:
    """Those of households that are not deleted, with an attendee who is still active."""
    attending = EventRegistrationMember.objects.filter(
        event_registration_id=OuterRef("pk"), household_member__is_active=True
    )
    return registrations.filter(
        Exists(attending), household__isnull=False, household__deleted_on=None
    )


def waits_longer(target: Target, registration: EventRegistration) -> int:
    """How many of the waitlist of `target` come before this registration and can get a place.

    All of them, if it does not wait there itself.
    """
    queue = eligible(target)
    if registration.target == target and (since := registration.waitlisted_at) is not None:
        queue = queue.filter(
            Q(waitlisted_at__lt=since) | Q(waitlisted_at=since, pk__lt=registration.pk)
        )
    return queue.count()


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


def waiting_on(event_date_id: int) -> dict[int | None, int]:
    """How many wait at each slot of a date; None is the date itself. One statement, by hand."""
    return dict(
        query(
            PRIVATE,
            "SELECT event_slot_id, COUNT(*) FROM event_registrations"
            " WHERE event_date_id = %s AND waitlisted_at IS NOT NULL GROUP BY event_slot_id",
            event_date_id,
        )
    )


def with_queue(event_date_id: int | None = None) -> list[Target]:
    """Slots and date-only dates where somebody waits, of one date or of all."""
    waiting = EventRegistration.objects.waiting().order_by()
    if event_date_id is not None:
        waiting = waiting.filter(event_date_id=event_date_id)
    rows = waiting.values_list("event_slot_id", "event_date_id").distinct()
    return sorted({Target.of(event_slot_id=slot, event_date_id=date) for slot, date in rows})
