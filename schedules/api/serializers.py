"""Schedules as the API shows them, and what may be asked of the lists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from schedules.models import Event, EventDate, EventHour, EventSlot

Waitlisted = Mapping[tuple[int, int | None], int]
"""How many wait at each (date, slot); slot None is the date itself."""

MAX_ID = 2**32 - 1  # INT UNSIGNED


class EventFilters(serializers.Serializer[Any]):
    date_from = serializers.DateField(required=False)
    date_to = serializers.DateField(required=False)
    search = serializers.CharField(required=False, max_length=100, allow_blank=True)


class EventDateFilters(serializers.Serializer[Any]):
    date_from = serializers.DateField(required=False)
    date_to = serializers.DateField(required=False)
    event_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    # Three values: absent is not false.
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


def event_body(event: Event) -> dict[str, Any]:
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


def event_date_body(day: EventDate, waitlisted: Waitlisted, now: datetime) -> dict[str, Any]:
    """A date, without its hours; it must carry `has_slots`."""
    waiting = sum(count for (date_id, _), count in waitlisted.items() if date_id == day.pk)
    return {
        "event_date_id": day.pk,
        "event_id": day.event_id,
        "booking": "slot" if day.has_slots else "date",
        **_offer(day, day, waiting, now),
        "event": event_body(day.event),
    }


def event_hour_body(
    hour: EventHour, slots: list[EventSlot], waitlisted: Waitlisted, now: datetime
) -> dict[str, Any]:
    return {
        "event_hour_id": hour.pk,
        "start_time": hour.start_time,
        "end_time": hour.end_time,
        "slots": [event_slot_body(slot, waitlisted, now) for slot in slots],
    }


def event_slot_body(slot: EventSlot, waitlisted: Waitlisted, now: datetime) -> dict[str, Any]:
    """A slot; its hour, date and event must be loaded."""
    day = slot.event_hour.event_date
    return {
        "event_slot_id": slot.pk,
        "event_hour_id": slot.event_hour_id,
        "event_date_id": day.pk,
        "event_id": day.event_id,
        **_offer(slot, day, waitlisted.get((day.pk, slot.pk), 0), now),
    }


def _offer(
    target: EventSlot | EventDate, day: EventDate, waiting: int, now: datetime
) -> dict[str, Any]:
    reason = target.closed_reason(now)
    return {
        "date": day.date and day.date.isoformat(),
        "start_time": target.start_time,
        "end_time": target.end_time,
        "capacity": target.capacity,
        "reserved": target.reserved,
        "available": max(0, target.capacity - target.reserved),
        "waitlisted": waiting,
        "open": reason is None,
        "closed_reason": reason,
    }
