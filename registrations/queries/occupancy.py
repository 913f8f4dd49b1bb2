"""A distribution in numbers: how full its slots are, and how many came and wait."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from registrations.models import HOLDING, EventRegistration, EventStatus, Status
from registrations.queries import targets
from schedules import counters
from schedules.keys import ACTIVE, date_key, moment_of
from schedules.models import EventDate, EventSlot
from schedules.targets import Target

Tallies = dict[int | None, Counter[Status]]
"""How many registrations of a date have each status, by slot; None stands for the date itself."""


@dataclass(frozen=True)
class Occupancy:
    """How full a slot or a date is, and how many came."""

    target: Target
    start_time: str | None
    end_time: str | None
    capacity: int
    reserved: int
    by_status: Counter[Status]
    is_active: bool = True
    """A slot that PantryTrak took out of use may still have registrations."""

    @property
    def taken(self) -> int:
        """As the services count: `reserved`, or the places we gave if that is more."""
        return max(self.reserved, sum(self.by_status[status] for status in HOLDING))

    @property
    def free(self) -> int:
        return max(self.capacity - self.taken, 0)

    @property
    def checked_in(self) -> int:
        return self.by_status[Status.CHECKED_IN]

    @property
    def waiting(self) -> int:
        return self.by_status[Status.WAITLISTED]


@dataclass(frozen=True)
class Hour:
    start_time: str | None
    end_time: str | None
    slots: list[Occupancy]


@dataclass(frozen=True)
class Day:
    """One date of an event. If it is booked by slot it has hours, else only its `occupancy`."""

    event_date: EventDate
    occupancy: Occupancy
    hours: list[Hour]

    @property
    def targets(self) -> list[Occupancy]:
        """What can be booked: the slots in use, or the date itself."""
        slots = [slot for hour in self.hours for slot in hour.slots if slot.is_active]
        return slots or [self.occupancy]

    def is_to_come(self, now: datetime) -> bool:
        """Whether the day is after today in the event's time zone."""
        return self.event_date.event_date_key > date_key(now.astimezone(self.event_date.event.zone))

    @property
    def ends_at(self) -> datetime | None:
        """When the last slot ends; midnight if no time is named, None if the date names no day."""
        if self.event_date.date is None:
            return None
        last = max((slot.end_time or "00:00" for slot in self.targets), default="00:00")
        end = "24:00" if last == "00:00" else last
        return moment_of(self.event_date.date, end, self.event_date.event.zone)


def tallies(event_date_ids: Iterable[int]) -> dict[int, Tallies]:
    """Two queries on an index, however many dates and registrations. Private only."""
    counts = (
        EventRegistration.objects.filter(event_date_id__in=list(event_date_ids))
        .order_by()
        .values_list("event_date_id", "event_slot_id", "event_status_id")
        .annotate(count=Count("pk"))
    )
    meaning = {event_status.pk: event_status.status for event_status in EventStatus.objects.all()}
    tallied: dict[int, Tallies] = defaultdict(lambda: defaultdict(Counter))
    for date_id, slot_id, status_id, count in counts:
        if date_id is not None and (status := meaning.get(status_id or 0)) is not None:
            tallied[date_id][slot_id][status] += count
    return tallied


def total(of_date: Tallies) -> Counter[Status]:
    """Adds up the slots of a date."""
    return sum(of_date.values(), Counter[Status]())


def day(event_date_id: int) -> Day | None:
    """A date with the current occupancy of its slots; None if the date is gone. Four queries."""
    event_date = EventDate.objects.select_related("event").filter(pk=event_date_id).first()
    if event_date is None:
        return None
    by_slot = tallies([event_date_id])[event_date_id]
    slots = EventSlot.objects.filter(event_hour__event_date_id=event_date_id)
    in_order = slots.select_related("event_hour").order_by(
        "event_hour__start_time_key", "event_hour_id", "start_time_key", "pk"
    )
    hours: dict[int, Hour] = {}
    for slot in in_order:
        is_active = slot.status_id == ACTIVE and slot.event_hour.status_id == ACTIVE
        if not is_active and slot.pk not in by_slot:
            continue
        hour = slot.event_hour
        shown_hour = hours.setdefault(hour.pk, Hour(hour.start_time, hour.end_time, []))
        shown_hour.slots.append(_occupancy(Target.slot(slot.pk), slot, by_slot[slot.pk], is_active))
    return _day(event_date, by_slot, list(hours.values()))


def _day(event_date: EventDate, by_slot: Tallies, hours: list[Hour]) -> Day:
    target = Target.date(event_date.pk)
    return Day(event_date, _occupancy(target, event_date, total(by_slot)), hours)


def _occupancy(
    target: Target, place: EventSlot | EventDate, by_status: Counter[Status], is_active: bool = True
) -> Occupancy:
    return Occupancy(
        target,
        place.start_time,
        place.end_time,
        place.capacity,
        place.reserved,
        by_status,
        is_active,
    )


def between(first: date, last: date) -> list[Day]:
    """The dates from `first` to `last`, soonest first, without their hours."""
    active = EventDate.objects.between(first, last).filter(status_id=ACTIVE).select_related("event")
    in_order = list(active.order_by("event_date_key", "start_time_key", "pk"))
    by_date = tallies(event_date.pk for event_date in in_order)
    return [_day(event_date, by_date[event_date.pk], []) for event_date in in_order]


def upcoming(now: datetime, days: int = 60) -> list[Day]:
    """The dates of the next `days` days, to choose from."""
    today = timezone.localtime(now).date()
    return between(today, today + timedelta(days=days))


def free_places(target: Target) -> int | None:
    """Free places, read without a lock; None if the slot or date is gone."""
    counter = counters.read_unlocked(target)
    if counter is None:
        return None
    return counter.capacity - max(counter.reserved, targets.count_rows([target])[target].holding)
