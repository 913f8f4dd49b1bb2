"""Converts PantryTrak's days, times of day and time zones."""

import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone as django_timezone

ACTIVE = 1
"""`status_id` of everything that is in use."""


def parse_date_key(key: int) -> date | None:
    """20261201 → 1 December 2026; None if the calendar has no such day."""
    try:
        return date(key // 10000, key // 100 % 100, key % 100)
    except ValueError:
        return None


def date_key(day: date) -> int:
    """1 December 2026 → 20261201."""
    return day.year * 10000 + day.month * 100 + day.day


@lru_cache(maxsize=2401)
def clock(key: int) -> str | None:
    """930 → "09:30", 2400 (the end of a day) → "24:00"; None if it is not a time of day."""
    hour, minute = divmod(key, 100)
    if minute > 59 or not 0 <= key <= 2400:
        return None
    return f"{hour:02}:{minute:02}"


class When(StrEnum):
    """Where a day lies, seen from today."""

    PAST = "past"
    TODAY = "today"
    TO_COME = "to_come"


def when(day: date | None, zone: tzinfo, now: datetime) -> When | None:
    """Where a day of an event lies, seen from today in the event's zone; None if it is no day."""
    if day is None:
        return None
    today = now.astimezone(zone).date()
    if day == today:
        return When.TODAY
    return When.PAST if day < today else When.TO_COME


def moment_of(day: date, clock: str, zone: tzinfo) -> datetime:
    """A time of day in the zone of the event; "24:00" is the beginning of the next day."""
    hour, minute = map(int, clock.split(":"))
    midnight = datetime.combine(day, time(), tzinfo=zone)
    return midnight + timedelta(hours=hour, minutes=minute)


@lru_cache(maxsize=1024)
def zone_of(time_zone: str, utc_offset: float) -> tzinfo:
    """The zone that `events.time_zone` names, else the fixed `utc_offset` (hours), else ours."""
    if re.fullmatch(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*", time_zone):
        try:
            return ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError):
            pass  # an unknown name is as good as none
    if utc_offset and abs(utc_offset) < 24:
        return timezone(timedelta(hours=float(utc_offset)))
    return django_timezone.get_default_timezone()
