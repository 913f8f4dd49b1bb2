"""Where somebody waits although a place is free: booking has closed, or capacity was raised."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Count

from registrations.models import EventRegistration
from registrations.queries import occupancy, targets
from registrations.queries.occupancy import Day, Occupancy
from schedules.models import EventDate, EventSlot
from schedules.targets import Target


@dataclass(frozen=True)
class Overlooked:
    event_date: EventDate
    place: Occupancy
    """The slot, or the date without slots, that has free places."""
    waiting: int
    """Who could be given one: no deleted households, and none of whom no attendee is left."""


def overlooked(days: Sequence[Day]) -> list[Overlooked]:
    """Those on these dates, in order of time. Four queries, however many dates and slots."""
    by_id = {day.event_date.pk: day for day in days if day.occupancy.waiting}
    if not by_id:
        return []
    waiting = _waiting(list(by_id))
    places = [day.occupancy for day in by_id.values() if day.occupancy.target in waiting]
    found = [(by_id[place.target.id], place) for place in places]
    found += [(by_id[date_id], place) for date_id, place in _slots(by_id, waiting)]
    return sorted(
        (
            Overlooked(day.event_date, place, waiting[place.target])
            for day, place in found
            if place.free
        ),
        key=lambda each: (each.event_date.event_date_key, each.place.start_time or ""),
    )


def _slots(date_ids: Collection[int], waiting: dict[Target, int]) -> list[tuple[int, Occupancy]]:
    """The slots in use where somebody waits, each with its date."""
    tallies = occupancy.tallies(date_ids)
    ids = [target.id for target in waiting if not target.is_date]
    slots = EventSlot.objects.active().filter(pk__in=ids).select_related("event_hour")
    return [
        (
            slot.event_hour.event_date_id,
            Occupancy(
                Target.slot(slot.pk),
                slot.start_time,
                slot.end_time,
                slot.capacity,
                slot.reserved,
                tallies[slot.event_hour.event_date_id][slot.pk],
            ),
        )
        for slot in slots
        if slot.event_hour.event_date_id in date_ids  # PantryTrak can move an hour
    ]


def _waiting(date_ids: list[int]) -> dict[Target, int]:
    """How many eligible registrations wait at each slot or date-only date of these dates."""
    waiting = EventRegistration.objects.waiting().filter(event_date_id__in=date_ids)
    queue = targets.who_can_come(waiting)
    counts = queue.order_by().values_list("event_slot_id", "event_date_id")
    return {
        Target.of(event_slot_id=slot_id, event_date_id=date_id): count
        for slot_id, date_id, count in counts.annotate(count=Count("pk"))
    }
