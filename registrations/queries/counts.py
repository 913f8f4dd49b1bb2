"""What the counters ought to say: registrations that hold a place, for many targets at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, QuerySet

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
    event_date_id: int
    capacity: int
    reserved: int


def slots(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    columns = ("pk", "event_hour__event_date_id", "capacity", "reserved")
    return _batches(scope.slots(), columns, batch)


def dates(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    return _batches(scope.dates(), ("pk", "pk", "capacity", "reserved"), batch)


def _batches(rows: QuerySet[Any], columns: Sequence[str], batch: int) -> Iterator[list[Counter]]:
    """In the order of ids, each batch found by the last id of the one before: memory stays flat."""
    last = 0
    while found := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:batch]):
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


def slots_of_dates(date_ids: Iterable[int]) -> dict[int, int]:
    """How many slots each date has, used or not."""
    rows = EventSlot.objects.filter(event_hour__event_date_id__in=list(date_ids)).order_by()
    return dict(rows.values_list("event_hour__event_date_id").annotate(count=Count("pk")))


def unsettled(*, is_date: bool, ids: Iterable[int]) -> set[int]:
    """The slots, or dates, at which events are not known to be counted."""
    column = "event_date_id" if is_date else "event_slot_id"
    rows = AuditEvent.objects.unsettled().filter(**{f"{column}__in": list(ids)})
    return set(rows.order_by().values_list(column, flat=True).distinct())


def ambiguous(*, is_date: bool, ids: Iterable[int]) -> dict[int, int]:
    """How many events at each slot or date were ever settled without proof."""
    column = "event_date_id" if is_date else "event_slot_id"
    rows = AuditEvent.objects.filter(**{f"{column}__in": list(ids)}, ambiguous=True)
    return dict(rows.order_by().values_list(column).annotate(count=Count("pk")))
