"""A date with its hours and slots, in two statements: what everybody reads who wants to book."""

from dataclasses import dataclass, field
from typing import NamedTuple

from freshtrak.databases import PUBLIC, moment, public_for_reading, query
from schedules.keys import ACTIVE, clock
from schedules.models import Event, EventDate


class Slot(NamedTuple):
    event_slot_id: int
    capacity: int
    reserved: int
    start_time: str | None
    end_time: str | None


@dataclass(frozen=True)
class Hour:
    event_hour_id: int
    start_time: str | None
    end_time: str | None
    slots: list[Slot] = field(default_factory=list)


def read(event_date_id: int) -> tuple[EventDate, list[Hour]] | None:
    """The date with its event, published or not, and its active hours and slots in order.

    None if the date or its event is gone. `has_slots` of the date is set.
    """
    rows = query(public_for_reading(), _DATE_WITH_EVENT, event_date_id)
    if not rows:
        return None
    day = EventDate.from_db(PUBLIC, _DATE, rows[0][: len(_DATE)])
    day.published_end_datetime = moment(day.published_end_datetime)
    day.event = Event.from_db(PUBLIC, _EVENT, rows[0][len(_DATE) :])
    hours = _read_hours(event_date_id)
    day.has_slots = bool(hours)
    return day, hours


def _read_hours(event_date_id: int) -> list[Hour]:
    hours: dict[int, Hour] = {}
    for hour_id, opens, closes, slot_id, capacity, reserved, starts, ends in query(
        public_for_reading(), _HOURS_AND_SLOTS, event_date_id, ACTIVE, ACTIVE
    ):
        if (hour := hours.get(hour_id)) is None:
            hour = hours[hour_id] = Hour(hour_id, clock(opens), clock(closes))
        hour.slots.append(Slot(slot_id, capacity, reserved, clock(starts), clock(ends)))
    return list(hours.values())


_DATE = (
    "event_date_id",
    "event_id",
    "event_date_key",
    "capacity",
    "reserved",
    "start_time_key",
    "end_time_key",
    "status_publish",
    "accept_reservations",
    "published_date_key",
    "published_end_datetime",
    "status_id",
)
_EVENT = (
    "event_id",
    "event_name",
    "event_nickname",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    "pub_desc_long",
    "time_zone",
    "utc_offset",
    "status_publish_event",
    "status_publish_event_dates",
    "status_id",
)
_COLUMNS = [f"event_dates.{column}" for column in _DATE] + [f"events.{column}" for column in _EVENT]
_DATE_WITH_EVENT = f"""
    SELECT {", ".join(_COLUMNS)} FROM event_dates
    JOIN events ON events.event_id = event_dates.event_id
    WHERE event_dates.event_date_id = %s
"""  # noqa: S608
_HOURS_AND_SLOTS = """
    SELECT hours.event_hour_id, hours.start_time_key, hours.end_time_key, slots.event_slot_id,
        slots.capacity, slots.reserved, slots.start_time_key, slots.end_time_key
    FROM event_hours hours JOIN event_slots slots ON slots.event_hour_id = hours.event_hour_id
    WHERE hours.event_date_id = %s AND hours.status_id = %s AND slots.status_id = %s
    ORDER BY hours.start_time_key, hours.event_hour_id, slots.start_time_key, slots.event_slot_id
"""
