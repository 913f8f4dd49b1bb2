"""Between log-in and log-out, on a tablet: where staff land, and what a lost session does."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.browser.conftest import DESKTOP, TABLET, Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def today() -> EventDate:
    return factories.EventDateFactory(
        event_date_key=factories.in_days(0), accept_walkin=1, event__event_name="Gate"
    )


@pytest.fixture
def slot(today: EventDate) -> EventSlot:
    return factories.EventSlotFactory(event_hour__event_date=today, capacity=30)


def _booked(name: str, slot: EventSlot) -> EventRegistration:
    household = factories.HouseholdFactory(name=name, size=0)
    factories.MemberFactory(household=household, first_name="Maria", last_name=name)
    return b.register(household, slot)


def _end_session(name: str) -> None:
    """The session is gone in the database; the person gets a password to log in again."""
    user = get_user_model().objects.get(username=name)
    user.set_password("right horse")
    user.save()
    Session.objects.all().delete()


def _log_in(page: Page, name: str = "anna", password: str = "right horse") -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def _fits(page: Page) -> None:
    for size in (PHONE, TABLET, DESKTOP):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, (page.url, size)


def test_the_name_of_the_server_leads_the_front_desk_to_the_day(
    tablet: Tablets, slot: EventSlot, service: Any
) -> None:
    page = tablet("Front desk")

    for path in ("/", "/admin"):
        page.goto(f"{service.address}{path}")
        expect(page.get_by_role("heading", name="Gate")).to_be_visible()


def test_the_session_ends_between_two_clicks(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    page = tablet("Front desk")
    page.goto(f"{desk.day(today)}?q=Johnson")
    _end_session("anna")

    page.locator(".found").get_by_role("button", name="Check in").click()
    expect(page.locator(".messagelist")).to_contain_text("Nothing was changed: log in again.")
    _log_in(page)

    expect(page.locator(".messagelist")).to_have_text(
        "You were logged out. Nothing was changed; please do it again."
    )
    expect(page.get_by_text("Found for “Johnson”: 1")).to_be_visible()
    assert b.status_of(registration) == "confirmed"

    page.locator(".found").get_by_role("button", name="Check in").click()
    expect(page.locator(".person").first).to_contain_text("checked in at")
    expect(page.locator(".messagelist")).to_have_count(0)
    assert b.status_of(registration) == "checked_in"


def test_an_open_day_says_that_the_session_has_ended(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    page = tablet("Front desk")
    page.goto(desk.day(today))
    notice = page.locator("#logged-out")
    expect(notice).to_be_hidden()

    _end_session("anna")
    expect(notice).to_contain_text("You are logged out: log in again")
    expect(page.locator("#counters-stale")).to_be_hidden()
    expect(page.locator(".totals")).to_contain_text("0 checked in")

    notice.get_by_role("link", name="log in again").click()
    _log_in(page)
    expect(page.get_by_role("heading", name="Gate")).to_be_visible()
    expect(notice).to_be_hidden()


def test_a_page_from_before_the_last_log_in_says_so(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    other = page.context.new_page()
    _end_session("anna")
    other.goto(desk.day(today))
    _log_in(other)
    expect(other.get_by_role("heading", name="Gate")).to_be_visible()

    page.get_by_role("button", name="Check in Johnson").click()

    expect(page.get_by_role("heading", name="This page is out of date")).to_be_visible()
    _fits(page)
    page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    assert b.status_of(registration) == "confirmed"
    page.get_by_role("link", name="Open the page again").click()
    page.get_by_role("button", name="Check in Johnson").click()
    expect(page.locator(".person").first).to_contain_text("checked in at")
    assert {text[:3] for text in tablet.complaints} == {"403", "Fai"}
    tablet.complaints.clear()


def test_a_coordinator_lands_where_somebody_waits(tablet: Tablets, slot: EventSlot) -> None:
    full = factories.EventSlotFactory(
        event_hour__event_date=slot.event_hour.event_date, capacity=1, start_time_key=1100
    )
    for name in ("Abe", "Bea"):
        _booked(name, full)
    factories.EventDateFactory(event__event_name="Northeastside Neighborhood Market")
    _set_capacity(full, 2)
    page = tablet("Coordinator")

    page.goto("../../")

    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    expect(page.get_by_role("row", name="Northeastside")).to_be_visible()
    expect(page.locator(".overlooked")).to_contain_text("1 waits, 1 of 2 free")
    _fits(page)
    page.locator(".overlooked").get_by_role("link").click()
    expect(page.get_by_text("Roster for this slot: 2")).to_be_visible()


def _set_capacity(slot: EventSlot, capacity: int) -> None:
    """As PantryTrak does."""
    type(slot).objects.filter(pk=slot.pk).update(capacity=capacity)


def test_an_administrator_makes_a_user_and_unlocks_one(
    tablet: Tablets, slot: EventSlot, service: Any
) -> None:
    page = tablet("Administrator", "ada")
    page.goto("../../auth/user/add/")
    _fits(page)
    page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    page.get_by_label("Username:").fill("ben")
    page.get_by_label("Password:").fill("right horse")
    page.get_by_label("Password confirmation:").fill("right horse")
    page.get_by_label("Front desk").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")

    other = tablet("Front desk", "anna")
    other.context.clear_cookies()
    other.goto(f"{service.address}/admin/")
    for _ in range(4):
        with other.expect_navigation():
            _log_in(other, "ben", "wrong")
    _log_in(other, "ben", "wrong")
    expect(other.get_by_text("Log-in as ben from here is locked until")).to_be_visible()
    _fits(other)

    page.get_by_role("link", name="Locked log-ins").click()
    _fits(page)
    page.get_by_role("button", name="Unlock ben").click()
    expect(page.get_by_text("Nobody is locked out.")).to_be_visible()
    other.get_by_role("link", name="Log in as somebody else").click()
    _log_in(other, "ben")
    expect(other.get_by_role("heading", name="Gate")).to_be_visible()
    assert {text[:3] for text in tablet.complaints} == {"429", "Fai"}
    tablet.complaints.clear()


def test_the_roster_is_made_for_paper(
    tablet: Tablets, today: EventDate, slot: EventSlot, tmp_path: Path
) -> None:
    for number in range(30):
        _booked(f"Family {99 - number}", slot)
    page = tablet("Front desk")
    page.goto(f"{desk.day(today)}roster/")
    printed: list[str] = []
    page.expose_function("note", lambda: printed.append("printed"))
    page.evaluate("() => { window.print = () => note(); }")

    page.get_by_role("button", name="Print").click()
    expect(page.locator(".sign").first).to_be_hidden()
    page.get_by_role("link", name="Sort by name").click()
    expect(page.get_by_role("rowheader").first).to_have_text("Family 70")
    _fits(page)

    page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    page.emulate_media(media="print")
    expect(page.get_by_role("columnheader", name="Signature")).to_be_visible()
    expect(page.locator(".blank")).to_have_count(12)
    expect(page.locator(".blank").last).to_be_visible()
    expect(page.get_by_role("columnheader", name="Code")).to_be_visible()
    expect(page.get_by_role("link", name="Sort by time")).to_be_hidden()
    assert printed == ["printed"]


def test_the_service_report(tablet: Tablets, today: EventDate, slot: EventSlot) -> None:
    for name in ("Abe", "Bea"):
        attendance.check_in(_booked(name, slot), by=b.STAFF)
    page = tablet("Coordinator")
    page.goto(".")

    page.get_by_role("link", name="Report").click()
    expect(page.locator(".totals")).to_contain_text("2 individuals")
    _fits(page)
    page.set_viewport_size(TABLET)  # type: ignore[arg-type]
    page.get_by_label("By:").select_option("event")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".report-chart")).to_contain_text("Gate")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()

    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.splitlines()[1].startswith("Gate,2,2,2,")
