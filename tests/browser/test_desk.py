"""Staff run a distribution, clicking and typing as they would."""

import csv
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from audit import trail
from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.browser.conftest import DESKTOP, Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]


@pytest.fixture
def today() -> EventDate:
    return factories.EventDateFactory(
        event_date_key=factories.in_days(0), accept_walkin=1, event__event_name="Gate"
    )


@pytest.fixture
def slot(today: EventDate) -> EventSlot:
    return factories.EventSlotFactory(event_hour__event_date=today, capacity=2)


def _booked(name: str, target: Any) -> EventRegistration:
    household = factories.HouseholdFactory(name=name, size=0)
    factories.MemberFactory(household=household, first_name="Maria", last_name=name)
    return b.register(household, target)


def test_log_in_and_land_on_the_day(tablet: Tablets, slot: EventSlot, service: Any) -> None:
    desk.member("Front desk", "ben", password="right horse")
    page = tablet("Front desk")
    page.context.clear_cookies()

    page.goto(f"{service.address}/admin/")
    page.get_by_label("Username").fill("ben")
    page.get_by_label("Password").fill("right horse")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Gate")).to_be_visible()


def test_find_check_in_undo_by_keyboard_alone(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    _booked("Rivera", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))

    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(registration.confirmation_code)  # as a scanner does
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Found for “{registration.confirmation_code}”: 1")).to_be_visible()
    expect(page.locator(".armed .found").get_by_role("button", name="Check in")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Enter")

    done = page.locator(".person")
    expect(done).to_contain_text("Johnson")
    expect(done).to_contain_text("checked in at")
    expect(page.locator(".totals")).to_contain_text("1 checked in")
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert b.status_of(registration) == "checked_in"

    done.get_by_role("button", name="Undo the check-in of Johnson").press("Enter")
    expect(done).to_contain_text("confirmed")
    assert b.status_of(registration) == "confirmed"


def test_counters_follow_without_a_reload_and_say_when_they_do_not(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    page = tablet("Front desk")
    page.goto(desk.day(today))
    expect(page.locator("#counters")).to_contain_text("0 checked in")

    attendance.check_in(registration, by=trail.staff("99"))

    expect(page.locator("#counters")).to_contain_text("1 checked in")
    expect(page.locator("#counters-stale")).to_be_hidden()

    page.route("**/counters/", lambda route: route.abort("connectionrefused"))
    expect(page.locator("#counters-stale")).to_be_visible()
    assert set(tablet.complaints) == {"Failed to load resource: net::ERR_CONNECTION_REFUSED"}
    tablet.complaints.clear()
    page.unroute("**/counters/")
    expect(page.locator("#counters-stale")).to_be_hidden()


def test_two_tablets_check_in_the_same_household(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    registration = _booked("Johnson", slot)
    one, other = tablet("Front desk", "anna"), tablet("Front desk", "ben")
    for page in (one, other):
        page.goto(desk.day(today))

    for page in (one, other):
        page.get_by_role("button", name="Check in Johnson").click()

    expect(one.locator(".person")).to_contain_text("checked in at")
    expect(other.locator(".already")).to_contain_text("Already checked in by anna at ")
    assert b.status_of(registration) == "checked_in"


def test_cancel_with_promotion(tablet: Tablets, slot: EventSlot) -> None:
    first, _, waits = (_booked(name, slot) for name in ("Abe", "Bea", "Cid"))
    page = tablet("Coordinator", size=DESKTOP)
    page.goto(f"{first.pk}/change/")

    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("table").nth(1)).to_contain_text("2 → 2")
    expect(page.get_by_role("table").nth(1)).to_contain_text("Cid")
    page.get_by_role("button", name="Cancel registrations").click()

    expect(page.locator(".messagelist")).to_contain_text("1 cancelled.")
    expect(page.locator(".messagelist")).to_contain_text("Moved up from the waitlist: Cid")
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    assert [b.status_of(first), b.status_of(waits)] == ["cancelled", "confirmed"]
    assert b.drift() == {}


def test_move(tablet: Tablets, slot: EventSlot) -> None:
    registration = _booked("Abe", slot)
    new_slot = factories.EventSlotFactory(start_time_key=1045, end_time_key=1100)
    page = tablet("Coordinator", size=DESKTOP)
    page.goto(".")

    page.get_by_label("Select this object for an action").check()
    page.get_by_label("Action:").select_option(label="Move to another slot")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Date").select_option(str(new_slot.event_hour.event_date_id))
    page.get_by_role("button", name="Show time slots").click()
    page.get_by_text("10:45 a.m.–11 a.m.").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("table").nth(1)).to_contain_text("0 → 1")
    page.get_by_role("button", name="Move to").click()

    expect(page.locator(".messagelist")).to_contain_text("1 moved.")
    assert EventRegistration.objects.get(pk=registration.pk).event_slot_id == new_slot.pk
    assert b.drift() == {}


def test_walk_in(tablet: Tablets, today: EventDate) -> None:
    slot = factories.EventSlotFactory(
        event_hour__event_date=today, capacity=2, start_time_key=0, end_time_key=2400
    )
    factories.HouseholdFactory(name="Okafor")
    page = tablet("Front desk")
    page.goto(desk.day(today))

    page.get_by_role("searchbox").fill("Okafr")
    page.keyboard.press("Enter")
    expect(
        page.get_by_text("No registration on this date matches that name or code")
    ).to_be_visible()
    page.get_by_role("link", name="Register a walk-in").click()
    page.get_by_role("link", name="Okafor").click()
    expect(page.get_by_label("midnight–midnight")).to_be_checked()
    page.get_by_role("button", name="Register and check in").click()

    expect(page.locator(".person")).to_contain_text("Okafor")
    expect(page.locator(".person")).to_contain_text("checked in at")
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_close_out(tablet: Tablets, today: EventDate, slot: EventSlot) -> None:
    here, away = _booked("Here", slot), _booked("Away", slot)
    EventSlot.objects.update(start_time_key=0, end_time_key=1)  # over, whenever the test runs
    page = tablet("Front desk")
    page.goto(desk.day(today))

    page.get_by_role("button", name="Check in Here").click()
    expect(page.locator("#outcome")).to_contain_text("checked in at")
    page.get_by_role("link", name="Close out").click()
    expect(page.get_by_text("Away")).to_be_visible()
    page.get_by_role("button", name="Mark 1 as no-show").click()

    expect(page.locator(".messagelist")).to_contain_text("1 marked as no-show.")
    assert [b.status_of(here), b.status_of(away)] == ["checked_in", "no_show"]


def test_export_holds_the_filtered_rows(tablet: Tablets, slot: EventSlot) -> None:
    for name in ("Abe", "Bea", "Cid"):
        _booked(name, slot)
    page = tablet("Coordinator", size=DESKTOP)
    page.goto(".")

    page.get_by_role("link", name="Waitlisted").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()

    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["household"] for row in rows] == ["Cid"]
    assert download.value.suggested_filename.endswith(".csv")


def test_the_front_desk_cannot_cancel(tablet: Tablets, slot: EventSlot) -> None:
    registration = _booked("Abe", slot)
    page = tablet("Front desk", size=DESKTOP)

    page.goto(f"{registration.pk}/change/")
    expect(page.get_by_role("button", name="Check in…")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)

    # A hand-made form, with the token of the form on the page.
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    form = {
        "csrfmiddlewaretoken": token,
        "action": "cancel",
        "confirmed": "yes",
        "_selected_action": str(registration.pk),
    }
    address = page.url.replace(f"{registration.pk}/change/", "")
    page.request.post(address, form=form, headers={"Referer": page.url})
    assert b.status_of(registration) == "confirmed"

    form["action"] = "mark_no_show"  # the same form, with an action that is allowed
    page.request.post(address, form=form, headers={"Referer": page.url})
    assert b.status_of(registration) == "no_show"
