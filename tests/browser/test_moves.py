"""Coordinators move many at once, and whole days, on a tablet."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration
from schedules.models import EventDate, EventSlot
from tests.browser.conftest import Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]

SIZES = {390: 844, 768: 1024, 1280: 900}


@pytest.fixture
def day() -> EventDate:
    return factories.EventDateFactory(
        event_date_key=factories.in_days(1), event__event_name="Gate", capacity=40
    )


@pytest.fixture
def slots(day: EventDate) -> list[EventSlot]:
    """9, 9:45 and 10:30 a.m.; the first has all but four places of the day."""
    hour = factories.EventHourFactory(event_date=day)
    return [
        factories.EventSlotFactory(
            event_hour=hour, capacity=capacity, start_time_key=start, end_time_key=start + 14
        )
        for start, capacity in ((900, 23), (945, 4), (1030, 4))
    ]


def _slots_of(rows: list[EventRegistration]) -> list[int | None]:
    return [EventRegistration.objects.get(pk=row.pk).event_slot_id for row in rows]


def _choose_target(page: Page, day: EventDate, time: str) -> None:
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option(label="Move to another slot")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Date").select_option(str(day.pk))
    page.get_by_role("button", name="Show time slots").click()
    page.get_by_text(time).click()


def test_a_move_that_does_not_fit(tablet: Tablets, day: EventDate, slots: list[EventSlot]) -> None:
    rows = [b.register(household, slots[0]) for household in factories.households(23)]
    page = tablet("Coordinator")
    page.goto(f"?event_slot_id={slots[0].pk}")

    _choose_target(page, day, "9:45 a.m.–9:59 a.m.")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).to_contain_text(
        "4 of 23 move. 19 stay where they are: no place left at 9:45 a.m."
    )
    expect(page.get_by_role("table").nth(1)).to_contain_text("23 → 19")
    expect(page.get_by_role("table").nth(1)).to_contain_text("0 → 4")
    page.get_by_role("button", name="Move to").click()

    expect(page.locator(".messagelist li")).to_have_count(2)
    expect(page.locator(".messagelist .success")).to_have_text("4 moved.")
    expect(page.locator(".messagelist .error")).to_contain_text("19 stay where they are")
    assert _slots_of(rows) == [slots[1].pk] * 4 + [slots[0].pk] * 19
    assert b.drift() == {}


def test_the_waitlist_stays_where_a_slot_is_emptied(
    tablet: Tablets, day: EventDate, slots: list[EventSlot]
) -> None:
    full = [b.register(household, slots[1]) for household in factories.households(5)]
    page = tablet("Coordinator")
    page.goto(f"?event_slot_id={slots[1].pk}&status=confirmed")

    _choose_target(page, day, "10:30 a.m.–10:44 a.m.")
    expect(page.get_by_label("Don’t promote the waitlist there")).to_be_checked()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("table").nth(1)).to_contain_text("nobody: 1 keeps waiting")
    page.get_by_role("button", name="Move to").click()

    expect(page.locator(".messagelist")).to_contain_text("4 moved.")
    assert _slots_of(full) == [slots[2].pk] * 4 + [slots[1].pk]
    assert b.status_of(full[4]) == "waitlisted"
    assert b.drift() == {}


def test_everything_45_minutes_later_while_another_coordinator_does_the_same(
    tablet: Tablets, day: EventDate, slots: list[EventSlot]
) -> None:
    first, second = (
        [b.register(household, slot) for household in factories.households(2)] for slot in slots[:2]
    )
    one, other = tablet("Coordinator", "carl"), tablet("Coordinator", "dana")

    for page in (one, other):
        page.goto("planning/")
        page.get_by_role("link", name="Move later").click()
        page.get_by_label("From").select_option("9 a.m. on")
        page.get_by_label("Reason").fill("The truck is late")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("status")).to_contain_text("4 households move to later slots.")
    for page in (one, other):
        page.get_by_role("button", name="Move 4 to later slots").click()

    expect(one.locator(".messagelist")).to_contain_text("4 households moved 45 minutes later.")
    expect(other.locator(".messagelist")).to_contain_text("Nothing was left to do.")
    expect(other.locator(".begun")).to_contain_text("by carl")
    assert _slots_of(first) == [slots[1].pk] * 2
    assert _slots_of(second) == [slots[2].pk] * 2
    assert b.drift() == {}


def test_cancel_the_day(tablet: Tablets, day: EventDate, slots: list[EventSlot]) -> None:
    rows = [b.register(household, slots[1]) for household in factories.households(6)]
    page = tablet("Coordinator")
    page.goto(desk.day(day))

    page.get_by_role("link", name="Cancel the day").click()
    expect(page.get_by_role("table")).to_contain_text("4 → 0")
    page.get_by_label("Reason").fill("No truck")
    page.get_by_role("button", name="Cancel 6 registrations").click()

    expect(page.locator(".messagelist")).to_contain_text("6 households cancelled.")
    assert {b.status_of(row) for row in rows} == {"cancelled"}
    assert (b.reserved(slots[1]), b.reserved(day), b.drift()) == (0, 0, {})


def test_who_waits_stands_beside_the_capacity(
    tablet: Tablets, day: EventDate, slots: list[EventSlot]
) -> None:
    for household in factories.households(9):
        b.register(household, slots[1])
    page = tablet("Coordinator")
    page.goto("planning/?weeks=2")

    capacity = page.locator("rect.bar-capacity[y]").last.bounding_box()
    waiting = page.locator("rect.bar-waiting[height]").last.bounding_box()

    assert capacity is not None
    assert waiting is not None
    assert waiting["x"] >= capacity["x"] + capacity["width"]
    assert waiting["y"] > capacity["y"]
    ground = [box["y"] + box["height"] for box in (capacity, waiting)]
    assert abs(ground[0] - ground[1]) < 2


@pytest.mark.one_engine
@pytest.mark.parametrize("width", SIZES)
def test_nothing_is_wider_than_the_screen(
    tablet: Tablets, day: EventDate, slots: list[EventSlot], width: int
) -> None:
    name = "Featherstonehaugh-Cholmondeley"
    for household in factories.households(8):
        type(household).objects.filter(pk=household.pk).update(name=name)
        b.register(household, slots[1])
    page = tablet("Coordinator", size={"width": width, "height": SIZES[width]})
    too_wide: list[Any] = []

    def look(what: str) -> None:
        page.wait_for_load_state("load")  # with its styles
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            too_wide.append((what, overflow))

    page.goto("planning/")
    look("planning")
    page.goto(f"{desk.day(day)}delay/")
    look("delay")
    page.get_by_label("Reason").fill("The truck is late")
    page.get_by_role("button", name="Continue").click()
    look("delay, preview")
    page.goto(f"{desk.day(day)}cancel/")
    look("cancel")
    row = EventRegistration.objects.latest("pk")
    page.goto(f"{EventRegistration.objects.earliest('pk').pk}/change/")
    page.get_by_role("button", name="Move to another slot").click()
    page.get_by_label("Date").select_option(str(row.event_date_id))
    page.get_by_role("button", name="Show time slots").click()
    look("move")
    page.get_by_text("10:30 a.m.–10:44 a.m.").click()
    page.get_by_role("button", name="Continue").click()
    look("move, preview")

    assert too_wide == []
