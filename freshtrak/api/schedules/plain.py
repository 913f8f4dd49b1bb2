"""A date with all its slots rendered by a plain function, at a tenth of its serializers' cost.

The serializers describe the shape for the OpenAPI document;
tests/freshtrak/api/schedules/test_plain.py holds the two against each other.
"""

from collections.abc import Mapping, Sequence

from schedules.models import Event, EventDate
from schedules.timetable import Hour


def render_date(
    day: EventDate,
    hours: Sequence[Hour],
    *,
    waiting: Mapping[int | None, int],
    closed_reason: str | None,
) -> dict[str, object]:
    """A date as DateWithHoursOutputSerializer renders it.

    `waiting` says how many wait at each slot, None is the date itself. `closed_reason` is that of
    the date, and so of each of its active slots.
    """
    date = day.date and day.date.isoformat()
    is_open = closed_reason is None
    return {
        "date": date,
        "start_time": day.start_time,
        "end_time": day.end_time,
        "capacity": day.capacity,
        "reserved": day.reserved,
        "available": max(0, day.capacity - day.reserved),
        "waitlisted": sum(waiting.values()),
        "open": is_open,
        "closed_reason": closed_reason,
        "event_date_id": day.pk,
        "event_id": day.event_id,
        "booking": "slot" if day.has_slots else "date",
        "event": _render_event(day.event),
        "hours": [
            {
                "event_hour_id": hour.event_hour_id,
                "start_time": hour.start_time,
                "end_time": hour.end_time,
                "slots": [
                    {
                        "date": date,
                        "start_time": slot.start_time,
                        "end_time": slot.end_time,
                        "capacity": slot.capacity,
                        "reserved": slot.reserved,
                        "available": max(0, slot.capacity - slot.reserved),
                        "waitlisted": waiting.get(slot.event_slot_id, 0),
                        "open": is_open,
                        "closed_reason": closed_reason,
                        "event_slot_id": slot.event_slot_id,
                        "event_hour_id": hour.event_hour_id,
                        "event_date_id": day.pk,
                        "event_id": day.event_id,
                    }
                    for slot in hour.slots
                ],
            }
            for hour in hours
        ],
    }


def _render_event(event: Event) -> dict[str, object]:
    return {
        "event_id": event.pk,
        "name": event.event_name,
        "nickname": event.event_nickname,
        "description": event.pub_desc_long or "",
        "address": {
            "line1": event.address1,
            "line2": event.address2,
            "city": event.city,
            "state": event.state,
            "zip": event.zip,
        },
        "time_zone": str(event.zone),
    }
