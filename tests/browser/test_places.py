"""Somebody waits and a place is free: staff give it at the gate."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventHour, EventSlot
from tests.browser.conftest import DESKTOP, Tablets
from tests.browser.test_access import _serious
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def hour() -> EventHour:
    made: EventHour = factories.EventHourFactory(
        start_time_key=1000,
        end_time_key=1100,
        event_date__event_date_key=factories.in_days(0),
        event_date__event__event_name="Gate",
    )
    return made


def _slot(hour: EventHour, start: int, capacity: int) -> EventSlot:
    made: EventSlot = factories.EventSlotFactory(
        event_hour=hour, capacity=capacity, start_time_key=start, end_time_key=start + 15
    )
    return made


def _book(slot: EventSlot, *names: str) -> list[EventRegistration]:
    rows = []
    for name in names:
        household = factories.HouseholdFactory(name=name, size=0)
        for first in ("Maria", "Juan"):
            factories.MemberFactory(household=household, first_name=first, last_name=name)
        rows.append(b.register(household, slot))
    return rows


def _close(slot: EventSlot, capacity: int) -> None:
    EventSlot.objects.filter(pk=slot.pk).update(capacity=capacity)
    EventDate.objects.update(accept_reservations=0)


def _fits(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, page.url


def test_the_day_says_so_and_leads_to_a_place_and_a_check_in(
    tablet: Tablets, hour: EventHour
) -> None:
    slot = _slot(hour, 1000, 0)
    head, _ = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    page = tablet("Front desk")
    page.goto(desk.day(hour.event_date))

    expect(page.locator(".vacancies")).to_contain_text("2 wait at 10 a.m. and 1 place is free")
    page.get_by_role("link", name="Give places").click()
    page.get_by_role("link", name="Give a place and check in Abe").click()
    page.get_by_label("Juan Abe").uncheck()
    page.get_by_role("button", name="Give the place and check in").click()

    expect(page.locator(".person")).to_contain_text("Abe")
    expect(page.locator(".person")).to_contain_text("checked in at")
    expect(page.locator(".vacancies")).to_have_count(0)
    assert b.status_of(head) == "checked_in"
    assert b.drift() == {}


def test_the_row_of_who_waits_has_the_button_and_passing_others_needs_a_reason(
    tablet: Tablets, hour: EventHour
) -> None:
    slot, later = _slot(hour, 1000, 0), _slot(hour, 1030, 0)
    _, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    _close(later, 1)
    page = tablet("Front desk")
    page.goto(f"{desk.day(hour.event_date)}?q=Bea")

    page.locator("#card, .person").get_by_role("link", name="Give a place").click()
    expect(page.get_by_text("1 waited longer, needs a reason")).to_be_visible()
    page.get_by_role("button", name="Give the place and check in").click()
    expect(page.get_by_text("Others have waited longer, and no place")).to_be_visible()
    page.get_by_text("10:30 a.m.–10:45 a.m.").click()
    page.get_by_role("button", name="Give the place and check in").click()

    expect(page.locator(".person")).to_contain_text("checked in at")
    moved = EventRegistration.objects.get(pk=second.pk)
    assert (b.status_of(second), moved.event_slot_id) == ("checked_in", later.pk)
    assert b.drift() == {}


def test_two_tablets_give_the_last_place(tablet: Tablets, hour: EventHour) -> None:
    slot = _slot(hour, 1000, 0)
    head, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    one, other = tablet("Front desk", "anna"), tablet("Front desk", "ben")
    one.goto(f"{desk.day(hour.event_date)}places/{head.pk}/")
    other.goto(f"{desk.day(hour.event_date)}places/{second.pk}/")
    other.get_by_role("textbox", name="Reason").fill("Has small children")

    one.get_by_role("button", name="Give the place and check in").click()
    expect(one.locator(".person")).to_contain_text("checked in at")
    other.get_by_role("button", name="Give the place and check in").click()

    expect(other.get_by_text("No place is free on this day.")).to_be_visible()
    assert [b.status_of(head), b.status_of(second)] == ["checked_in", "waitlisted"]
    assert b.drift() == {}


def test_two_tablets_give_one_household_one_place(tablet: Tablets, hour: EventHour) -> None:
    slot = _slot(hour, 1000, 0)
    (head,) = _book(slot, "Abe")
    _close(slot, 2)
    tablets = [tablet("Front desk", "anna"), tablet("Front desk", "ben")]
    for page in tablets:
        page.goto(f"{desk.day(hour.event_date)}places/{head.pk}/")

    for page in tablets:
        page.get_by_role("button", name="Give the place and check in").click()

    expect(tablets[0].locator(".person")).to_contain_text("checked in at")
    expect(tablets[1].locator(".messagelist")).to_contain_text("Already checked in by anna at ")
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_the_place_of_a_no_show_goes_to_the_next(tablet: Tablets, hour: EventHour) -> None:
    slot = _slot(hour, 1000, 1)
    (absent,) = _book(slot, "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    (head,) = _book(slot, "Abe")
    page = tablet("Front desk")
    page.goto(desk.day(hour.event_date))

    expect(page.locator(".vacancies")).to_contain_text("1 waits at 10 a.m. and 1 did not come")
    page.get_by_role("link", name="Give places").click()
    page.get_by_role("button", name="Give this place to the next, instead of Cid").click()
    page.get_by_label("Reason").fill("Did not come by 10:30")
    page.get_by_role("button", name="Give the place to the next").click()

    expect(page.locator(".messagelist")).to_contain_text("has the place of Cid now.")
    assert [b.status_of(absent), b.status_of(head)] == ["cancelled", "confirmed"]
    assert b.drift() == {}


def test_a_coordinator_promotes_after_closing(tablet: Tablets, hour: EventHour) -> None:
    slot = _slot(hour, 1000, 0)
    head, _ = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    page = tablet("Coordinator")
    page.goto(f"{head.pk}/change/")

    page.get_by_role("button", name="Promote from the waitlist…").click()
    page.get_by_label("Reason").fill("One place more")
    page.get_by_role("button", name="Promote from the waitlist").click()

    expect(page.locator(".messagelist")).to_contain_text("1 promoted: Abe.")
    assert (b.status_of(head), b.drift()) == ("confirmed", {})


@pytest.fixture
def crowded(hour: EventHour) -> list[EventRegistration]:
    """At ten, three wait; a quarter past, one waits and one did not come. Returns the three."""
    slot, later = _slot(hour, 1000, 0), _slot(hour, 1015, 1)
    rows = _book(slot, "Abernathy-Featherstone", "Bea", "O'Brien-Müller")
    (absent,) = _book(later, "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    _book(later, "Dora")
    _close(slot, 1)
    return rows


def _pages(hour: EventHour, rows: list[EventRegistration]) -> list[str]:
    day = desk.day(hour.event_date)
    return [day, f"{day}places/", f"{day}places/{rows[1].pk}/"]


@pytest.mark.parametrize("size", [PHONE, None, DESKTOP], ids=["390", "768", "1280"])
def test_the_pages_fit(
    tablet: Tablets, hour: EventHour, crowded: list[EventRegistration], size: Any
) -> None:
    page = tablet("Coordinator", **({"size": size} if size else {}))
    for path in _pages(hour, crowded)[1:]:
        page.goto(path)
        _fits(page)


@pytest.mark.one_engine
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_violation(
    tablet: Tablets, hour: EventHour, crowded: list[EventRegistration], theme: str
) -> None:
    page = tablet("Administrator", for_axe=True)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    for path in _pages(hour, crowded):
        page.goto(path)
        assert _serious(page) == [], path
    page.get_by_role("link", name="Go back without changes").click()
    page.goto(f"{desk.day(hour.event_date)}places/")
    with page.expect_navigation():
        page.get_by_role("button", name="Give this place to the next, instead of Cid").click()
    assert _serious(page) == []
