"""The gate cannot go wrong: a scanner checks in nobody but the household that is shown.

A scanner types at once and presses Enter; it does not wait for the page.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from audit import trail
from registrations.desk import day_view
from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.browser.conftest import TABLET, Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
ARMED = ".armed #card"
"""The card, as soon as Enter in Find checks it in."""

ENTER_WITH_THE_CARD = """() => new MutationObserver((changes, observer) => {
  if (!document.getElementById("card")) return;
  observer.disconnect();
  const key = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
  document.getElementById("find").dispatchEvent(key);
}).observe(document.getElementById("found"), { childList: true })"""
"""Presses Enter at the moment at which a card appears."""

COUNT_WHAT_CAN_BE_TOUCHED = """() => new MutationObserver(() => {
  const buttons = [...document.querySelectorAll(".touch")];
  window.touchable = buttons.filter((b) => getComputedStyle(b).pointerEvents !== "none").length;
}).observe(document.getElementById("outcome"), { childList: true })"""
"""Counts at the moment at which the page has changed under a finger."""


@pytest.fixture
def today() -> EventDate:
    return factories.EventDateFactory(
        event_date_key=factories.in_days(0), accept_walkin=1, event__event_name="Gate"
    )


@pytest.fixture
def slot(today: EventDate) -> EventSlot:
    return factories.EventSlotFactory(
        event_hour__event_date=today, capacity=9, start_time_key=0, end_time_key=2400
    )


def _booked(name: str, target: Any, *first_names: str) -> EventRegistration:
    household = factories.HouseholdFactory(name=name, size=0)
    for first_name in first_names or ("Maria",):
        factories.MemberFactory(household=household, first_name=first_name, last_name=name)
    return b.register(household, target)


def _scan(page: Page, text: str) -> None:
    """Types as fast as the browser takes it, like a scanner."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def _find(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Find")


def _selected(page: Page) -> str:
    return str(_find(page).evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)"))


def _statuses(*rows: EventRegistration) -> list[str]:
    return [b.status_of(row) for row in rows]


def _hold(page: Page, pattern: str) -> Callable[[], None]:
    """Keeps answers to these requests back, until what is returned is called."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route))

    def release() -> None:
        for route in held:
            route.continue_()
        page.unroute(pattern)

    return release


def test_the_next_scan_never_checks_in_the_household_before(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))

    _scan(page, first.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Abe, Maria · 1")
    assert _selected(page) == first.confirmation_code
    _scan(page, second.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Bea, Maria · 1")
    assert _statuses(first, second) == ["confirmed", "confirmed"]

    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_contain_text("Bea, Maria · 1")
    expect(page.locator("#outcome")).to_contain_text("checked in at")
    expect(_find(page)).to_be_focused()
    assert _statuses(first, second) == ["confirmed", "checked_in"]

    _scan(page, first.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Abe, Maria · 1")
    _scan(page, "Abe Maria")  # a name with a blank, which presses a button that has the focus
    expect(page.get_by_text("Found for “Abe Maria”: 1")).to_be_visible()
    assert _statuses(first, second) == ["confirmed", "checked_in"]


def test_two_scans_in_a_row_find_the_second(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))

    _scan(page, first.confirmation_code)
    _scan(page, second.confirmation_code)

    expect(page.locator(ARMED)).to_contain_text("Bea")
    expect(page.locator("#found")).not_to_contain_text("Abe")
    assert _selected(page) == second.confirmation_code
    assert _statuses(first, second) == ["confirmed", "confirmed"]


def test_a_scan_while_the_answer_for_another_is_on_its_way(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    release = _hold(page, f"**q={first.confirmation_code}")

    _scan(page, first.confirmation_code)
    page.keyboard.press("Enter")  # before anything is shown
    page.keyboard.type(second.confirmation_code[:3])
    release()
    page.keyboard.type(second.confirmation_code[3:])
    page.keyboard.press("Enter")

    expect(page.locator(ARMED)).to_contain_text("Bea")
    assert _statuses(first, second) == ["confirmed", "confirmed"]


def test_a_scanner_that_presses_enter_twice_checks_nobody_in(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Abe", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))

    page.evaluate(ENTER_WITH_THE_CARD)
    _scan(page, registration.confirmation_code)
    page.keyboard.press("Enter")  # before the answer
    expect(page.locator(ARMED)).to_be_visible()
    assert _statuses(registration) == ["confirmed"]

    page.keyboard.type(registration.confirmation_code)  # the same again: not by itself either
    page.keyboard.press("Enter")
    expect(page.locator(ARMED)).to_be_visible()
    assert _statuses(registration) == ["confirmed"]


def test_a_scan_while_a_check_in_is_on_its_way(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    _scan(page, first.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Abe")
    release = _hold(page, "**/check-in/")

    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    _scan(page, second.confirmation_code)
    release()

    expect(page.locator("#outcome")).to_contain_text("Abe, Maria · 1")
    expect(page.locator("#outcome")).to_contain_text("checked in at")
    expect(page.locator(ARMED)).to_contain_text("Bea")
    assert _selected(page) == second.confirmation_code
    assert _statuses(first, second) == ["checked_in", "confirmed"]


def test_a_tap_while_the_answer_for_another_is_on_its_way(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    _scan(page, first.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Abe")
    release_search = _hold(page, f"**q={second.confirmation_code}")
    release_check_in = _hold(page, "**/check-in/")

    _scan(page, second.confirmation_code)
    page.locator("#card").get_by_role("button", name="Check in").click()
    release_search()
    expect(page.locator("#card")).to_contain_text("Bea")
    release_check_in()

    expect(page.locator("#outcome")).to_contain_text("Abe, Maria · 1")
    expect(page.locator(ARMED)).to_contain_text("Bea")
    assert _selected(page) == second.confirmation_code
    assert _statuses(first, second) == ["checked_in", "confirmed"]


def test_after_every_outcome_the_next_scan_replaces_the_text(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    here = _booked("Here", slot)
    attendance.check_in(here, by=trail.staff("99"))
    full = factories.EventSlotFactory(event_hour=slot.event_hour, capacity=0)
    waits = _booked("Waits", full)
    for name in ("Anna", "Linh"):
        _booked("Nguyen", slot, name, "Minh")
    page = tablet("Front desk")
    page.goto(desk.day(today))
    found = page.locator("#found")

    for text, outcome in (
        ("Okafor", "No registration on this date matches that name or code."),
        (here.confirmation_code, "Already checked in"),
        (waits.confirmation_code, "Waits for a place: number 1 in the queue."),
        ("Nguyen", "Nguyen, Linh · 2"),
        ("https://freshtrak.example/r?code=" + here.confirmation_code, "Already checked in"),
    ):
        _scan(page, text)
        expect(found).to_contain_text(outcome)
        expect(_find(page)).to_be_focused()
        assert _selected(page) == text
    assert _statuses(here, waits) == ["checked_in", "waitlisted"]


def test_a_scan_never_presses_what_has_the_focus(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot, "Maria", "Luz"), _booked("Bea", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    _scan(page, first.confirmation_code)
    expect(page.locator(ARMED)).to_contain_text("Abe")

    page.get_by_label("Luz Abe").click()  # by finger: the scanner goes on
    expect(_find(page)).to_be_focused()
    for focused in (
        page.get_by_label("Luz Abe"),
        page.get_by_role("button", name="Check in").first,
    ):
        focused.focus()
        _scan(page, second.confirmation_code)
        expect(page.locator(ARMED)).to_contain_text("Bea")
        assert _statuses(first, second) == ["confirmed", "confirmed"]
        _scan(page, first.confirmation_code)
        expect(page.locator(ARMED)).to_contain_text("Abe")

    page.get_by_label("Luz Abe").click()
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_contain_text("checked in at")
    assert _statuses(first) == ["checked_in"]
    came = attendance.CheckIn.objects.get().household_member_ids
    assert came == [first.household.members.get(first_name="Maria").pk]


def test_without_javascript_enter_always_searches(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    first, second = _booked("Abe", slot, "Maria", "Luz"), _booked("Bea", slot)
    page = tablet("Front desk", java_script=False)
    page.goto(desk.day(today))

    for text, found in (
        (first.confirmation_code, "Abe, Maria · 2"),
        (second.confirmation_code, "Bea, Maria · 1"),
        ("Okafor", "No registration on this date matches that name or code."),
        (first.confirmation_code, "Abe, Maria · 2"),
    ):
        expect(_find(page)).to_be_focused()
        _scan(page, text)
        expect(page.locator("#found")).to_contain_text(found)
    page.get_by_label("Luz Abe").click()
    _scan(page, second.confirmation_code)  # into the tick, whose Enter must press nothing
    expect(page.locator("#card")).to_contain_text("Abe")
    assert _statuses(first, second) == ["confirmed", "confirmed"]

    page.locator("#card").get_by_role("button", name="Check in").click()
    expect(page.locator("#outcome")).to_contain_text("checked in at")
    assert _statuses(first, second) == ["checked_in", "confirmed"]


def test_a_second_tap_neither_undoes_nor_checks_in_the_neighbor(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    rows = [_booked(name, slot) for name in ("Abe", "Bea", "Cid", "Dee")]
    page = tablet("Front desk")
    page.goto(desk.day(today))

    page.evaluate(COUNT_WHAT_CAN_BE_TOUCHED)
    page.get_by_role("button", name="Check in Abe").dblclick()
    expect(page.locator("#outcome")).to_contain_text("Abe")
    expect(page.locator("body.settling")).to_have_count(0)
    assert page.evaluate("window.touchable") == 0
    assert _statuses(*rows) == ["checked_in", "confirmed", "confirmed", "confirmed"]

    _scan(page, rows[1].confirmation_code)
    button = page.locator("#card").get_by_role("button", name="Check in")
    where = button.bounding_box()
    button.click()
    undo = page.get_by_role("button", name="Undo the check-in of Bea")
    expect(undo).to_be_visible()
    there = undo.bounding_box()
    assert where
    assert there
    assert there["x"] + there["width"] < where["x"]


def test_two_tablets_scan_the_same_household(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    one, other = tablet("Front desk", "anna"), tablet("Front desk", "ben")
    for page in (one, other):
        page.goto(desk.day(today))
        _scan(page, registration.confirmation_code)
        expect(page.locator(ARMED)).to_be_visible()

    one.keyboard.press("Enter")
    expect(one.locator("#outcome")).to_contain_text("checked in at")
    other.keyboard.press("Enter")  # its card still says that nobody has come

    expect(other.locator(".already")).to_contain_text("Already checked in by anna at ")
    expect(_find(other)).to_be_focused()


def test_page_2_stays_page_2(tablet: Tablets, today: EventDate, slot: EventSlot) -> None:
    EventSlot.objects.filter(pk=slot.pk).update(capacity=99)
    rows = [
        b.register(factories.HouseholdFactory(name=f"Family {n:02}"), slot)
        for n in range(day_view.PAGE_SIZE + 2)
    ]
    page = tablet("Front desk")
    page.goto(desk.day(today))
    page.get_by_role("link", name="Next").click()

    page.get_by_role("button", name=f"Check in {rows[-1].household}").click()

    expect(page.locator("#outcome")).to_contain_text("checked in at")
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()


def test_another_day_has_a_banner_and_no_one_touch(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    tomorrow = factories.EventSlotFactory(
        event_hour__event_date__event_date_key=factories.in_days(1)
    )
    registration = _booked("Abe", tomorrow)
    page = tablet("Front desk")
    page.goto(desk.day(today))

    _scan(page, f"https://freshtrak.example/r?code={registration.confirmation_code}")
    expect(page.locator("#found")).to_contain_text("Not for this date: ")
    page.get_by_role("link", name="Go to that day").click()

    expect(page.get_by_text("This day is tomorrow,")).to_be_visible()
    expect(page.locator("#found")).to_contain_text("Abe, Maria · 1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Check in")).to_have_count(0)
    assert _statuses(registration) == ["confirmed"]


def test_a_page_that_cannot_reach_the_service_says_so(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Abe", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    page.route("**q=**", lambda route: route.abort("connectionrefused"))

    _scan(page, registration.confirmation_code)
    expect(page.locator("#unreachable")).to_be_visible()
    page.unroute("**q=**")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(ARMED)).to_contain_text("Abe")
    expect(page.locator("#unreachable")).to_be_hidden()
    assert set(tablet.complaints) == {"Failed to load resource: net::ERR_CONNECTION_REFUSED"}
    tablet.complaints.clear()


def test_a_session_that_has_ended_leads_to_the_log_in(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Abe", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    page.context.clear_cookies()

    _scan(page, registration.confirmation_code)

    expect(page.get_by_label("Username")).to_be_visible()
    assert registration.confirmation_code in page.url


@pytest.mark.one_engine
@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
def test_no_page_is_wider_than_the_screen(
    tablet: Tablets, today: EventDate, slot: EventSlot, size: Any
) -> None:
    rows = [
        _booked(name, slot, "Maria-Guadalupe", "Jean-Baptiste", "Luz")
        for name in ("Fernandez-Villanueva de la Cruz", "Abe", "Bea")
    ]
    attendance.check_in(rows[0], by=trail.staff("99"))
    b.cancel(rows[1])
    waits = _booked("Waits", factories.EventSlotFactory(event_hour=slot.event_hour, capacity=0))
    page = tablet("Administrator", size=size)
    day = desk.day(today)
    household = rows[0].household_id
    wide = {}
    for path in (
        day,
        f"{day}?q={rows[0].confirmation_code}",
        f"{day}?q={rows[1].confirmation_code}",
        f"{day}?q={rows[2].confirmation_code}",
        f"{day}?q={waits.confirmation_code}",
        f"{day}?q=nobody",
        f"{day}?done={rows[0].pk}",
        f"{day}walk-in/?q=Fernandez",
        f"{day}walk-in/?household={household}",
        f"{day}close-out/",
        f"{day}roster/",
        "days/",
        "planning/",
        "planning/?weeks=8",
        f"{rows[0].pk}/change/",
        f"{rows[0].pk}/attendees/",
        "add/?q=Fernandez",
        f"../household/{household}/change/",
        "../../../api/errors/",
    ):
        page.goto(path)
        too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        cut_off = page.evaluate(
            "[...document.querySelectorAll('.roster .act, .touch, .submit-row input')]"
            ".filter(e => e.getBoundingClientRect().right > window.innerWidth).length"
        )
        if too_wide > 0 or cut_off:
            wide[path] = (too_wide, cut_off)

    assert wide == {}
