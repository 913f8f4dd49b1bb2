"""What a target means to people: at which event, on which day, at what time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import islice

from freshtrak.databases import PUBLIC, moment, query
from schedules.keys import When, moment_of, when
from schedules.models import Event, EventDate, EventHour, EventSlot
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
    address: str
    zone: tzinfo
    """The time zone of the event."""

    @property
    def starts_at(self) -> datetime | None:
        return self._moment(self.start_time)

    @property
    def ends_at(self) -> datetime | None:
        return self._moment(self.end_time)

    def _moment(self, clock: str | None) -> datetime | None:
        if self.date is None or clock is None:
            return None
        return moment_of(self.date, clock, self.zone)

    def when(self, now: datetime) -> When | None:
        """Where its day lies, seen from today in the event's time zone."""
        return when(self.date, self.zone, now)


def _describe(timed: EventSlot | EventDate) -> Appointment:
    """The appointment of a slot with its schedule, or of a whole date with its event."""
    slot = timed if isinstance(timed, EventSlot) else None
    day = timed.event_hour.event_date if isinstance(timed, EventSlot) else timed
    return Appointment(
        event_id=day.event.pk,
        event_date_id=day.pk,
        event_slot_id=slot.pk if slot else None,
        event_name=day.event.event_name,
        date=day.date,
        start_time=timed.start_time,
        end_time=timed.end_time,
        address=day.event.address,
        zone=day.event.zone,
    )


@dataclass(frozen=True)
class Offer:
    """An appointment as somebody asks to book it: is it open, and is it booked by slot?"""

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
            _describe(day), day.closed_reason(now), day.has_slots, day.capacity > day.reserved
        )
    if (slot := _read_slot(target.id)) is None:
        return None
    return Offer(_describe(slot), slot.closed_reason(now), False, slot.capacity > slot.reserved)


def find_many(targets: Iterable[Target]) -> dict[Target, Appointment]:
    """The appointments of these targets, without those that are gone. At most two queries."""
    ids: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    for target in targets:
        ids[target.kind].add(target.id)
    found: dict[Target, Appointment] = {}
    if slot_ids := ids[Kind.SLOT]:
        slots = EventSlot.objects.with_schedule().defer(_TEXT_OF_SLOT).filter(pk__in=slot_ids)
        found |= {Target.slot(slot.pk): _describe(slot) for slot in slots}
    if date_ids := ids[Kind.DATE]:
        days = EventDate.objects.select_related("event").defer(_TEXT_OF_DATE)
        found |= {Target.date(day.pk): _describe(day) for day in days.filter(pk__in=date_ids)}
    return found


# A slot with all that is around it, by hand: every booking of a slot reads it.

_SLOT = (
    "event_slot_id",
    "event_hour_id",
    "capacity",
    "reserved",
    "start_time_key",
    "end_time_key",
    "status_id",
)
_HOUR = ("event_hour_id", "event_date_id", "status_id")
_DATE = (
    "event_date_id",
    "event_id",
    "event_date_key",
    "status_publish",
    "accept_reservations",
    "published_date_key",
    "published_end_datetime",
    "status_id",
)
_EVENT = (
    "event_id",
    "event_name",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    "time_zone",
    "utc_offset",
    "status_publish_event",
    "status_publish_event_dates",
    "status_id",
)
_TABLES = {"event_slots": _SLOT, "event_hours": _HOUR, "event_dates": _DATE, "events": _EVENT}
_COLUMNS = ", ".join(f"{table}.{column}" for table in _TABLES for column in _TABLES[table])
_SLOT_WITH_SCHEDULE = f"""
    SELECT {_COLUMNS} FROM event_slots
    JOIN event_hours ON event_hours.event_hour_id = event_slots.event_hour_id
    JOIN event_dates ON event_dates.event_date_id = event_hours.event_date_id
    JOIN events ON events.event_id = event_dates.event_id
    WHERE event_slots.event_slot_id = %s
"""  # noqa: S608


def _read_slot(slot_id: int) -> EventSlot | None:
    """The slot with its hour, date and event; None if one of them is gone."""
    rows = query(PUBLIC, _SLOT_WITH_SCHEDULE, slot_id)
    if not rows:
        return None
    values = iter(rows[0])
    slot = EventSlot.from_db(PUBLIC, _SLOT, list(islice(values, len(_SLOT))))
    slot.event_hour = EventHour.from_db(PUBLIC, _HOUR, list(islice(values, len(_HOUR))))
    day = EventDate.from_db(PUBLIC, _DATE, list(islice(values, len(_DATE))))
    day.published_end_datetime = moment(day.published_end_datetime)
    day.event = Event.from_db(PUBLIC, _EVENT, list(values))
    slot.event_hour.event_date = day
    return slot
