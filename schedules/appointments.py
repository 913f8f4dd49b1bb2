"""What a target means to people: at which event, on which day, at what time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from schedules.models import EventDate, EventSlot
from schedules.targets import Kind, Target


@dataclass(frozen=True)
class Appointment:
    """A slot, or a whole date, together with the date and event around it."""

    event_id: int
    event_date_id: int
    event_slot_id: int | None
    event_name: str
    date: date | None
    start_time: str | None
    end_time: str | None
    starts_at: datetime | None
    """With the zone of the event."""
    ends_at: datetime | None
    address: str


def _of_slot(slot: EventSlot) -> Appointment:
    return _describe(slot.event_hour.event_date, slot, slot.pk)


def _of_date(day: EventDate) -> Appointment:
    return _describe(day, day, None)


def _describe(day: EventDate, timed: EventSlot | EventDate, slot_id: int | None) -> Appointment:
    return Appointment(
        event_id=day.event.pk,
        event_date_id=day.pk,
        event_slot_id=slot_id,
        event_name=day.event.event_name,
        date=day.date,
        start_time=timed.start_time,
        end_time=timed.end_time,
        starts_at=_moment(day, timed.start_time),
        ends_at=_moment(day, timed.end_time),
        address=day.event.address,
    )


def _moment(day: EventDate, clock: str | None) -> datetime | None:
    """A time of day on a date, in the zone of the event; "24:00" is the next day's beginning."""
    if day.date is None or clock is None:
        return None
    hour, minute = map(int, clock.split(":"))
    midnight = datetime.combine(day.date, time(), tzinfo=day.event.zone)
    return midnight + timedelta(hours=hour, minutes=minute)


@dataclass(frozen=True)
class Offer:
    """An appointment as one asks to book it: is it open, and is it booked by slot?"""

    appointment: Appointment
    closed_reason: str | None
    """The error code for which it takes no bookings; None if it is open."""
    needs_slot: bool
    """A whole date was named, but the date is booked by slot."""
    seems_free: bool
    """Whether a place seemed free when the schedule was read: a hint, nothing to decide by."""

    @property
    def is_open(self) -> bool:
        return self.closed_reason is None


# The one long text of an event: nobody books by it.
_TEXT_OF_SLOT = "event_hour__event_date__event__pub_desc_long"
_TEXT_OF_DATE = "event__pub_desc_long"


def offer(target: Target, now: datetime) -> Offer | None:
    """The target as it can be booked at `now`; None if it, its date or its event is gone."""
    if target.is_date:
        days = EventDate.objects.select_related("event").defer(_TEXT_OF_DATE).with_booking()
        if (day := days.filter(pk=target.id).first()) is None:
            return None
        return Offer(
            _of_date(day), day.closed_reason(now), day.has_slots, day.capacity > day.reserved
        )
    slot = EventSlot.objects.with_schedule().defer(_TEXT_OF_SLOT).filter(pk=target.id).first()
    if slot is None:
        return None
    return Offer(_of_slot(slot), slot.closed_reason(now), False, slot.capacity > slot.reserved)


def find_many(targets: Iterable[Target]) -> dict[Target, Appointment]:
    """The appointments of these targets, without those that are gone. At most two queries."""
    ids: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    for target in targets:
        ids[target.kind].add(target.id)
    found: dict[Target, Appointment] = {}
    if slot_ids := ids[Kind.SLOT]:
        slots = EventSlot.objects.with_schedule().defer(_TEXT_OF_SLOT).filter(pk__in=slot_ids)
        found |= {Target.slot(slot.pk): _of_slot(slot) for slot in slots}
    if date_ids := ids[Kind.DATE]:
        days = EventDate.objects.select_related("event").defer(_TEXT_OF_DATE)
        found |= {Target.date(day.pk): _of_date(day) for day in days.filter(pk__in=date_ids)}
    return found
