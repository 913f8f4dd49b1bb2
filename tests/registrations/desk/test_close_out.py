"""Closing out a day from the desk: asked again before its end, and undone."""

import pytest
import time_machine

from audit.models import AuditEvent
from registrations.models import EventRegistration
from schedules.models import EventDate, EventSlot
from tests.registrations.test_attendance_days import public_down
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def slot() -> EventSlot:
    slot: EventSlot = factories.slot_today(capacity=5)
    return slot


def _booked(slot: EventSlot, *names: str) -> list[EventRegistration]:
    return [b.register(factories.HouseholdFactory(name=name), slot) for name in names]


def _path(slot: EventSlot) -> str:
    return f"{desk.day(slot.event_hour.event_date)}close-out/"


def test_before_the_end_a_second_confirmation_is_asked(slot: EventSlot) -> None:
    (row,) = _booked(slot, "Away")
    anna = desk.log_in("Front desk")

    with time_machine.travel(factories.NOON.replace(hour=9)):
        asked = desk.post(anna, _path(slot))
        assert b.status_of(row) == "confirmed"
        done = desk.post(anna, _path(slot), before_end="yes")

    assert "The day is not over: it ends at 9:45 a.m. People may still" in asked
    assert "1 marked as no-show." in done
    assert b.status_of(row) == "no_show"


def test_undo_from_the_page(slot: EventSlot) -> None:
    away, late = _booked(slot, "Away", "Late")
    anna = desk.log_in("Front desk")

    closed = desk.post(anna, _path(slot))
    desk.confirm(anna, "check_in", late)
    again = desk.page(anna, _path(slot))
    close_out_id = AuditEvent.objects.filter(action="no_show")[0].details["close_out"]
    undone = desk.post(anna, f"{_path(slot)}undo/", close_out=close_out_id)

    assert "Nobody is expected any more" in closed
    assert "by anna: 2 no-shows." in closed
    assert "by anna: 1 no-show." in again
    assert "Close-out undone: 1 expected again." in undone
    assert "will be marked as no-show" in undone
    assert "by anna:" not in undone
    assert [b.status_of(row) for row in (away, late)] == ["confirmed", "checked_in"]


@pytest.mark.real_commits
@pytest.mark.parametrize("days", [0, 1])
def test_without_public_nothing_is_closed_out(days: int) -> None:
    slot = factories.EventSlotFactory(
        event_hour__event_date__event_date_key=factories.in_days(days)
    )
    (row,) = _booked(slot, "Away")
    anna = desk.log_in("Front desk")

    with public_down():
        page = desk.page(anna, _path(slot))
        posted = desk.post(anna, _path(slot), before_end="yes")

    assert "it cannot be closed out now" in page
    assert 'value="Mark' not in page
    assert "it is not known whether the day has come" in posted
    assert b.status_of(row) == "confirmed"


def test_a_date_that_is_gone_is_not_closed_out(slot: EventSlot) -> None:
    (row,) = _booked(slot, "Away")
    EventDate.objects.all().delete()

    posted = desk.post(desk.log_in("Front desk"), f"days/{row.event_date_id}/close-out/")

    assert "PantryTrak no longer has this date" in posted
    assert b.status_of(row) == "confirmed"


def test_the_page_runs_a_fixed_number_of_queries(slot: EventSlot) -> None:
    EventSlot.objects.update(capacity=100)
    anna = desk.log_in("Front desk")

    def queries(count: int) -> int:
        for household in factories.households(count):
            b.register(household, slot)
        desk.post(anna, _path(slot))
        return len(b.statements(lambda: desk.page(anna, _path(slot))))

    assert queries(1) == queries(30)
