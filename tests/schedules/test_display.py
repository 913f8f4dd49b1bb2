from datetime import date

import pytest

from schedules import display


@pytest.mark.parametrize(
    ("time_of_day", "shown"),
    [
        ("09:30", "9:30 a.m."),
        ("09:00", "9 a.m."),
        ("12:00", "noon"),
        ("13:05", "1:05 p.m."),
        ("00:00", "midnight"),
        ("24:00", "midnight"),
        (None, ""),
    ],
)
def test_clock(time_of_day: str | None, shown: str) -> None:
    assert display.clock(time_of_day) == shown


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("09:30", "09:45", "9:30 a.m.–9:45 a.m."),
        ("11:00", None, "11 a.m."),
        (None, None, "all day"),
    ],
)
def test_times(start: str | None, end: str | None, shown: str) -> None:
    assert display.times(start, end) == shown


def test_day() -> None:
    assert display.day(date(2026, 12, 1)) == "Tue Dec 1, 2026"
    assert display.day(None) == "no date"
