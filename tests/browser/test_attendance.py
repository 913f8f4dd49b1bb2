"""Attendance in a browser: closing out, coming on another day, and who came."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration
from registrations.services import attendance, closing
from schedules.models import EventDate, EventSlot
from tests.browser.conftest import DESKTOP, TABLET, Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def today() -> EventDate:
    day: EventDate = factories.EventDateFactory(
        event_date_key=factories.in_days(0), event__event_name="Gate"
    )
    return day


@pytest.fixture
def slot(today: EventDate) -> EventSlot:
    """It ends at midnight: whenever the test runs, the day is not over."""
    slot: EventSlot = factories.EventSlotFactory(
        event_hour__event_date=today, capacity=9, start_time_key=0, end_time_key=2400
    )
    return slot


def _booked(name: str, target: Any) -> EventRegistration:
    household = factories.HouseholdFactory(name=name, size=0)
    for first_name in ("Ana", "Ben", "Cleo", "Dan"):
        factories.MemberFactory(household=household, first_name=first_name, last_name=name)
    registration: EventRegistration = b.register(household, target)
    return registration


def _fits(page: Page) -> bool:
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wide <= 0


def test_close_out_asks_again_before_the_end_and_is_undone(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    away, late = _booked("Away", slot), _booked("Late", slot)
    page, other = tablet("Front desk", "anna"), tablet("Front desk", "ben")
    page.goto(desk.day(today))

    page.get_by_role("link", name="Close out").click()
    page.get_by_role("button", name="Mark 2 as no-show").click()
    expect(page.get_by_role("alert")).to_contain_text("it ends at midnight")
    assert b.status_of(away) == "confirmed"
    page.get_by_role("button", name="Mark 2 as no-show now").click()
    expect(page.locator(".messagelist")).to_contain_text("2 marked as no-show.")
    assert [b.status_of(away), b.status_of(late)] == ["no_show", "no_show"]

    other.goto(desk.day(today))  # on the second tablet a latecomer is checked in
    other.get_by_role("button", name="Check in Late").click()
    expect(other.locator(".person")).to_contain_text("checked in at")
    page.get_by_role("button", name="Undo: expect them again").click()

    expect(page.locator(".messagelist")).to_contain_text("Close-out undone: 1 expected again.")
    assert [b.status_of(away), b.status_of(late)] == ["confirmed", "checked_in"]
    assert b.drift() == {}


def test_a_check_in_before_the_day_asks_for_a_reason(tablet: Tablets) -> None:
    registration = _booked("Early", factories.EventSlotFactory())
    page = tablet("Front desk")
    page.goto(f"{registration.pk}/change/")

    page.get_by_role("button", name="Check in…").click()
    page.get_by_role("button", name="Check in", exact=True).click()  # the browser wants a reason
    expect(page.get_by_label("Reason")).to_be_focused()
    assert b.status_of(registration) == "confirmed"
    page.keyboard.type("surgery on the day")
    page.keyboard.press("Enter")

    expect(page.locator(".messagelist")).to_contain_text("1 checked in.")
    expect(page.get_by_text("Reason: surgery on the day")).to_be_visible()


def test_came_today_instead(tablet: Tablets, today: EventDate, slot: EventSlot) -> None:
    tomorrow = factories.EventDateFactory(event=today.event, event_date_key=factories.in_days(1))
    registration = _booked("Rivera", factories.EventSlotFactory(event_hour__event_date=tomorrow))
    page = tablet("Front desk")
    page.goto(f"{registration.pk}/change/")

    page.get_by_role("button", name="Came today instead…").click()
    expect(page.get_by_role("radio").first).to_be_checked()  # the slot that is running
    page.get_by_label("Ben Rivera").uncheck()
    page.get_by_label("Dan Rivera").uncheck()
    page.get_by_role("button", name="Give a place today and check in").click()

    expect(page.locator(".person")).to_contain_text("2 of 4 came")
    expect(page.locator(".person")).to_contain_text("by anna")
    assert b.status_of(registration) == "checked_in"
    assert (b.reserved(slot), b.drift()) == (1, {})


@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["390", "768", "1280"])
def test_pages_of_attendance_fit_the_screen(
    tablet: Tablets, today: EventDate, slot: EventSlot, size: Any
) -> None:
    registration, _ = _booked("Rivera", slot), _booked("Okafor-Featherstonehaugh", slot)
    tomorrow = factories.EventDateFactory(event=today.event, event_date_key=factories.in_days(1))
    later = _booked("Nguyen", factories.EventSlotFactory(event_hour__event_date=tomorrow))
    first = registration.attendees.values_list("household_member_id", flat=True)[0]
    attendance.check_in(registration, attendee_ids=[first], by=b.STAFF)
    closing.close_out(today.pk, before_end=True, by=b.STAFF)
    _booked("Last", slot)
    page = tablet("Coordinator", size=size)

    for path in (
        f"{desk.day(today)}close-out/",
        f"{later.pk}/came-today/",
        f"{registration.pk}/change/",
        f"{desk.day(today)}roster/",
    ):
        page.goto(path)
        assert _fits(page), path
