"""Days and times as staff read them. The API keeps "2026-12-01" and "09:30"."""

from datetime import date, time

from django.utils import dateformat


def day(value: date | None) -> str:
    """Turns 1 December 2026 into "Tue Dec 1, 2026"; None is a key that names no day."""
    return dateformat.format(value, "D M j, Y") if value else "no date"


def clock(time_of_day: str | None) -> str:
    """Turns "09:30" into "9:30 a.m." and "12:00" into "noon" (Django's format `P`), None into "".

    "24:00", the end of a day, is midnight, as "00:00" is.
    """
    if not time_of_day:
        return ""
    hour, minute = map(int, time_of_day.split(":"))
    return dateformat.time_format(time(hour % 24, minute), "P")


def times(start: str | None, end: str | None) -> str:
    """From when to when; "all day" where the schedule names no time."""
    if not start:
        return "all day"
    return f"{clock(start)}–{clock(end)}" if end else clock(start)
