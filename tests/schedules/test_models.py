from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schedules.keys import clock, date_key, parse_date_key, zone_of
from schedules.models import Event, EventDate, EventSlot
from tests.support import factories

# 03:30 UTC on 2 December is still 1 December in New York, and already noon in Auckland.
NOW = datetime(2026, 12, 2, 3, 30, tzinfo=UTC)
NEW_YORKS_TODAY = 20261201


@pytest.mark.parametrize(
    ("key", "day"),
    [(20261201, date(2026, 12, 1)), (20240229, date(2024, 2, 29)), (0, None), (20260230, None)],
)
def test_date_keys(key: int, day: date | None) -> None:
    assert parse_date_key(key) == day
    assert day is None or date_key(day) == key


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (930, "09:30"),
        (1440, "14:40"),
        (0, "00:00"),
        (5, "00:05"),
        (2359, "23:59"),
        (2400, "24:00"),
        (975, None),
        (2401, None),
        (-1, None),
    ],
)
def test_time_keys(key: int, text: str | None) -> None:
    assert clock(key) == text


@pytest.mark.parametrize(
    ("name", "offset", "zone"),
    [
        ("America/Chicago", 0, ZoneInfo("America/Chicago")),
        ("America/Chicago", -8, ZoneInfo("America/Chicago")),
        ("", -6, timezone(timedelta(hours=-6))),
        ("", 5.5, timezone(timedelta(hours=5, minutes=30))),
        ("", 0, ZoneInfo("America/New_York")),
        ("Middle/Earth", 0, ZoneInfo("America/New_York")),
        ("../../etc/passwd", 0, ZoneInfo("America/New_York")),
        ("nonsense", 99, ZoneInfo("America/New_York")),
    ],
)
def test_time_zones(name: str, offset: float, zone: Any) -> None:
    assert zone_of(name, offset) == zone


def _date(**values: Any) -> EventDate:
    event = Event(event_id=1, time_zone=values.pop("time_zone", "America/New_York"))
    defaults = {"event_date_key": NEW_YORKS_TODAY, "published_date_key": 20261101}
    return EventDate(event_date_id=1, event=event, **{**defaults, **values})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, None),
        ({"event_date_key": 20261130}, "event_past"),
        ({"time_zone": "Pacific/Auckland"}, "event_past"),
        ({"published_date_key": 20261202}, "not_published"),
        (
            {
                "published_date_key": 20261202,
                "event_date_key": 20261202,
                "time_zone": "Pacific/Auckland",
            },
            None,
        ),
        ({"published_end_datetime": NOW}, None),
        ({"published_end_datetime": NOW - timedelta(seconds=1)}, "registration_closed"),
        ({"accept_reservations": 0}, "reservations_not_accepted"),
        ({"accept_reservations": 2}, "reservations_not_accepted"),
        ({"status_id": 3}, "not_published"),
    ],
)
def test_closed_reason_uses_the_events_own_day(values: dict[str, Any], reason: str | None) -> None:
    assert _date(**values).closed_reason(NOW) == reason


def _variety() -> None:
    """Dates of every kind, in three time zones."""
    for zone in ("America/New_York", "Pacific/Auckland", ""):
        for status in (1, 0):
            event = factories.EventFactory(time_zone=zone, status_publish_event=status)
            for day in (20261130, 20261201, 20261202, 20261203):
                for published in (20261201, 20261202, 20261203):
                    for end in (None, NOW, NOW - timedelta(seconds=1)):
                        factories.EventDateFactory(
                            event=event,
                            event_date_key=day,
                            published_date_key=published,
                            published_end_datetime=end,
                            accept_reservations=day % 2,
                        )


def test_querysets_agree_with_closed_reason() -> None:
    _variety()
    dates = EventDate.objects.select_related("event")
    reasons = {day.pk: day.closed_reason(NOW) for day in dates}
    public = {None, "registration_closed", "reservations_not_accepted"}

    assert {day.pk for day in EventDate.objects.public(NOW)} == {
        pk for pk, reason in reasons.items() if reason in public
    }
    assert {day.pk for day in EventDate.objects.open(NOW)} == {
        pk for pk, reason in reasons.items() if reason is None
    }
    assert {event.pk for event in Event.objects.public(NOW)} == {
        day.event_id for day in dates if reasons[day.pk] in public
    }
    assert len(set(reasons.values())) == 5


def test_public_slots_are_active_slots_of_public_dates() -> None:
    active = factories.EventSlotFactory()
    hour = active.event_hour
    factories.EventSlotFactory(event_hour=hour, status_id=0)
    factories.EventSlotFactory(event_hour__event_date=hour.event_date, event_hour__status_id=0)
    factories.EventSlotFactory(event_hour__event_date__status_publish=0)

    now = datetime.now(UTC)

    assert list(EventSlot.objects.public(now)) == [active]
