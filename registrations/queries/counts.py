"""What the counters ought to say: registrations that hold a place, for many targets at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from audit.models import AuditEvent
from registrations.models import HOLDING, EventRegistration
from registrations.queries import places
from schedules.models import EventDate, EventSlot


@dataclass(frozen=True)
class Scope:
    """Which counters are looked at: all, or those of an event, or of the dates of some days."""

    event_id: int | None = None
    first: date | None = None
    last: date | None = None

    @property
    def is_all(self) -> bool:
        return self == Scope()

    def dates(self) -> QuerySet[Any]:
        rows = EventDate.objects.between(self.first, self.last)
        return rows.filter(event_id=self.event_id) if self.event_id is not None else rows

    def slots(self) -> QuerySet[Any]:
        rows = EventSlot.objects.all()
        if self.is_all:
            return rows
        return rows.filter(event_hour__event_date__in=self.dates())


@dataclass(frozen=True)
class Counter:
    """A counter as it was read, without a lock."""

    id: int
    reserved: int


def slots(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    return _batches(scope.slots(), batch)


def dates(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    return _batches(scope.dates(), batch)


def _batches(rows: QuerySet[Any], batch: int) -> Iterator[list[Counter]]:
    """In the order of ids, each batch found by the last id of the one before: memory stays flat.

    From one table, for a join would be sorted anew for each batch of a million.
    """
    last = 0
    in_order = rows.order_by("pk").values_list("pk", "reserved")
    while found := list(in_order.filter(pk__gt=last)[:batch]):
        last = found[-1][0]
        yield [Counter(*row) for row in found]


def holding(*, is_date: bool, ids: Iterable[int]) -> dict[int, int]:
    """How many registrations hold a place at each slot, or on each date (at its slots, too)."""
    column = "event_date_id" if is_date else "event_slot_id"
    statuses = [row.pk for status in HOLDING for row in places.rows_meaning(status)]
    rows = EventRegistration.objects.filter(
        **{f"{column}__in": list(ids)}, event_status_id__in=statuses
    )
    return dict(rows.order_by().values_list(column).annotate(count=Count("pk")))


def dates_of_slots(ids: Iterable[int]) -> dict[int, int]:
    """The date of each slot, without those whose hour is gone."""
    rows = EventSlot.objects.filter(pk__in=list(ids))
    return dict(rows.values_list("pk", "event_hour__event_date_id"))


def slots_of_dates(date_ids: Iterable[int]) -> dict[int, int]:
    """How many slots each date has, used or not."""
    rows = EventSlot.objects.filter(event_hour__event_date_id__in=list(date_ids)).order_by()
    return dict(rows.values_list("event_hour__event_date_id").annotate(count=Count("pk")))


def unsettled(*, is_date: bool, ids: Iterable[int]) -> set[int]:
    """The slots, or dates, at which events are not known to be counted."""
    column = "event_date_id" if is_date else "event_slot_id"
    rows = AuditEvent.objects.unsettled().filter(**{f"{column}__in": list(ids)})
    return set(rows.order_by().values_list(column, flat=True).distinct())


def moved_since(moment: datetime, *, is_date: bool, ids: Iterable[int]) -> set[int]:
    """The slots, or dates, whose counter was moved since, or may be about to be."""
    column = "event_date_id" if is_date else "event_slot_id"
    lately = Q(settled_at=None) | Q(settled_at__gte=moment)
    rows = AuditEvent.objects.filter(lately, **{f"{column}__in": list(ids)}).exclude(delta=0)
    return set(rows.order_by().values_list(column, flat=True).distinct())


def ambiguous(*, is_date: bool, ids: Iterable[int]) -> dict[int, int]:
    """How many events at each slot or date were ever settled without proof."""
    column = "event_date_id" if is_date else "event_slot_id"
    rows = AuditEvent.objects.filter(**{f"{column}__in": list(ids)}, ambiguous=True)
    return dict(rows.order_by().values_list(column).annotate(count=Count("pk")))
