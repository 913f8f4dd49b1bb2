"""What the counters should say: registrations that hold a place, for many targets at once."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, QuerySet

from audit.models import AuditEvent
from registrations.models import HOLDING, EventRegistration
from registrations.queries import statuses, targets
from registrations.queries.targets import Counts
from schedules.models import EventDate, EventSlot
from schedules.targets import Kind, Target


@dataclass(frozen=True)
class Scope:
    """Which counters to look at: all, those of an event, or those of a range of days."""

    event_id: int | None = None
    first: date | None = None
    last: date | None = None

    @property
    def is_all(self) -> bool:
        return self == Scope()

    def dates(self) -> QuerySet[EventDate]:
        event_dates = EventDate.objects.between(self.first, self.last)
        return (
            event_dates.filter(event_id=self.event_id) if self.event_id is not None else event_dates
        )

    def slots(self) -> QuerySet[EventSlot]:
        event_slots = EventSlot.objects.all()
        if self.is_all:
            return event_slots
        return event_slots.filter(event_hour__event_date__in=self.dates())


@dataclass(frozen=True)
class Counter:
    """A counter as read, without a lock."""

    id: int
    reserved: int


def slots(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    return _batches(scope.slots(), batch)


def dates(scope: Scope, batch: int) -> Iterator[list[Counter]]:
    return _batches(scope.dates(), batch)


def _batches(
    queryset: QuerySet[EventDate] | QuerySet[EventSlot], batch: int
) -> Iterator[list[Counter]]:
    """In order of id; each batch starts after the last id of the previous one: memory stays flat.

    Reads one table, because the database would sort a join again for every batch.
    """
    last = 0
    in_order = queryset.order_by("pk").values_list("pk", "reserved")
    while pairs := list(in_order.filter(pk__gt=last)[:batch]):
        last = pairs[-1][0]
        yield [Counter(id_, reserved) for id_, reserved in pairs]


def rows_at(kind: Kind, ids: Collection[int]) -> dict[int, Counts]:
    """How many hold and wait at each slot, or on each date including its slots."""
    if kind is Kind.SLOT:
        counted = targets.count_rows([Target.slot(id_) for id_ in ids])
        return {target.id: counts for target, counts in counted.items()}
    return {id_: Counts(holding=held) for id_, held in _holding_on(ids).items()}


def _holding_on(date_ids: Collection[int]) -> dict[int, int]:
    holding = EventRegistration.objects.filter(
        event_date_id__in=date_ids, event_status__in=statuses.rows_meaning(*HOLDING)
    )
    by_date = holding.order_by().values_list("event_date_id").annotate(count=Count("pk"))
    return {date_id: count for date_id, count in by_date if date_id is not None}


def dates_of_slots(ids: Iterable[int]) -> dict[int, int]:
    """The date of each slot, except slots whose hour is gone."""
    slots = EventSlot.objects.filter(pk__in=list(ids))
    return dict(slots.values_list("pk", "event_hour__event_date_id"))


def slots_on(date_ids: Collection[int]) -> set[Target]:
    """Every slot whose bookings may count on a date, by the schedule or by the registrations."""
    scheduled = EventSlot.objects.filter(event_hour__event_date_id__in=date_ids)
    booked = EventRegistration.objects.filter(
        event_date_id__in=date_ids, event_slot_id__isnull=False
    )
    ids = {
        *scheduled.values_list("pk", flat=True),
        *booked.order_by().values_list("event_slot_id", flat=True).distinct(),
    }
    return {Target.slot(slot_id) for slot_id in ids if slot_id is not None}


def slots_of_dates(date_ids: Collection[int]) -> dict[int, int]:
    """How many slots each date has, in use or not."""
    slots = EventSlot.objects.filter(event_hour__event_date_id__in=date_ids).order_by()
    return dict(slots.values_list("event_hour__event_date_id").annotate(count=Count("pk")))


def moved_since(moment: datetime, kind: Kind) -> set[int]:
    """The slots or dates whose counter an operation has moved since `moment`."""
    movements = AuditEvent.objects.filter(at__gte=moment).exclude(delta=0)
    return {id_ for id_ in movements.values_list(kind.column, flat=True).distinct() if id_}
