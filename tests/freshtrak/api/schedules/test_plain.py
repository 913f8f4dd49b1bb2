"""The plain function does what the serializers do."""

import json
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from freshtrak.api.schedules.plain import render_date
from freshtrak.api.schedules.serializers import DateWithHoursOutputSerializer
from registrations.queries import targets
from schedules import timetable
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories


def _by_serializer(event_date_id: int) -> Any:
    day = EventDate.objects.select_related("event").with_booking().get(pk=event_date_id)
    slots: dict[int, list[EventSlot]] = {}
    hours = {}
    in_order = EventSlot.objects.active().filter(event_hour__event_date=day).with_schedule()
    for slot in in_order.order_by("event_hour__start_time_key", "start_time_key", "pk"):
        hours[slot.event_hour_id] = slot.event_hour
        slots.setdefault(slot.event_hour_id, []).append(slot)
    context = {
        "now": timezone.now(),
        "waitlisted": targets.waitlisted([day.pk]),
        "hours": list(hours.values()),
        "slots_of_hour": slots,
    }
    shown = DateWithHoursOutputSerializer(day, context=context).data
    return json.loads(json.dumps(shown, cls=JSONEncoder))


def _plainly(event_date_id: int) -> Any:
    day_and_hours = timetable.read(event_date_id)
    assert day_and_hours is not None
    day, hours = day_and_hours
    reason = day.closed_reason(timezone.now())
    return render_date(day, hours, waiting=targets.waiting_on(day.pk), closed_reason=reason)


@pytest.mark.parametrize("accepts", [0, 1])
def test_render_date_with_slots_matches_its_serializer(accepts: int) -> None:
    day = factories.EventDateFactory(
        accept_reservations=accepts, event__time_zone="", event__utc_offset=-6, reserved=-3
    )
    for start in (1000, 900):
        hour = factories.EventHourFactory(event_date=day, start_time_key=start)
        for quarter in (30, 0, 61):
            factories.EventSlotFactory(event_hour=hour, capacity=1, start_time_key=start + quarter)
    EventDate.objects.update(accept_reservations=1)
    for household in factories.households(3):
        b.register(household, EventSlot.objects.latest("pk"))
    EventDate.objects.update(accept_reservations=accepts)

    assert _plainly(day.pk) == _by_serializer(day.pk)
    assert list(_plainly(day.pk)) == list(_by_serializer(day.pk))


def test_render_date_without_slots_matches_its_serializer() -> None:
    day = factories.EventDateFactory(capacity=1, event__pub_desc_long=None)
    for household in factories.households(2):
        b.register(household, day)

    assert _plainly(day.pk) == _by_serializer(day.pk)


def test_missing_date_is_none() -> None:
    assert timetable.read(4_000_000_000) is None
