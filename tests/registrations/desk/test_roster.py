"""The roster, made for paper."""

import re

import pytest

from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def slot() -> EventSlot:
    """A slot at half past nine, booked by Zoe; Abe comes later, and Bea waits there."""
    today = factories.EventDateFactory(event_date_key=factories.in_days(0))
    slot = factories.EventSlotFactory(event_hour__event_date=today, capacity=1)
    late = factories.EventSlotFactory(event_hour__event_date=today, start_time_key=1100)
    b.register(factories.HouseholdFactory(name="Zoe", size=3), slot)
    b.register(factories.HouseholdFactory(name="Abe", size=2), late)
    b.register(factories.HouseholdFactory(name="Bea", size=4), late)
    return slot


def _names(page: str) -> list[str]:
    return re.findall(r"Abe|Bea|Zoe", page)


def test_sorted_by_time_or_by_name(slot: EventSlot) -> None:
    anna, path = desk.log_in("Front desk"), f"{desk.day(slot.event_hour.event_date)}roster/"

    by_time = desk.page(anna, path)
    by_name = desk.page(anna, path, sort="name")

    assert _names(by_time) == ["Zoe", "Abe", "Bea"]
    assert _names(by_name) == ["Abe", "Bea", "Zoe"]
    assert "Sort by name" in by_time
    assert "Sort by time" in by_name


def test_totals_count_those_who_have_a_place(slot: EventSlot) -> None:
    page = desk.page(desk.log_in("Front desk"), f"{desk.day(slot.event_hour.event_date)}roster/")

    assert "3 registrations 5 individuals with a place 2 expected 0 checked in" in page
    assert "1 waiting" in page


def test_a_column_to_sign_and_lines_for_walk_ins(slot: EventSlot) -> None:
    page = desk.page(desk.log_in("Front desk"), f"{desk.day(slot.event_hour.event_date)}roster/")

    assert "Status Signature" in page
    assert page.count("☐ walk-in") == 12
