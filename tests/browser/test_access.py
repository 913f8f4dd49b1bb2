"""Everyone can use the desk's own pages: checked by axe-core, on a tablet, in light and dark."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration
from tests.browser.conftest import DESKTOP, TABLET, Tablets
from tests.support import booking as b
from tests.support import desk, factories

pytestmark = [pytest.mark.real_commits, pytest.mark.slow]


@pytest.fixture
def booked() -> EventRegistration:
    """Four households today: two are expected, two wait. Returns the second.

    Before them, the first of all registrations is for a day to come.
    """
    b.register(factories.households(1)[0], factories.EventSlotFactory())
    slot = factories.EventSlotFactory(
        capacity=2,
        event_hour__event_date=factories.EventDateFactory(
            event_date_key=factories.in_days(0), capacity=2
        ),
    )
    rows = [b.register(household, slot) for household in factories.households(4)]
    factories.EventDateFactory()
    factories.HouseholdFactory()  # has nothing booked: it can be merged
    return rows[1]


def _pages(row: EventRegistration) -> list[str]:
    day, household = f"days/{row.event_date_id}/", row.household_id
    to_come = EventRegistration.objects.earliest("pk")
    return [
        ".",
        "?q=Family",
        f"{row.pk}/change/",
        f"{to_come.pk}/change/",
        f"{to_come.pk}/came-today/",
        f"{to_come.pk}/came-today/?date={row.event_date_id}",
        f"{row.pk}/attendees/",
        "add/?q=Family",
        f"add/?household={household}",
        f"add/?household={household}&date={row.event_date_id}",
        "days/?date=2030-01-01",
        day,
        f"{day}?q={row.confirmation_code}",
        f"{day}?q=Family",
        f"{day}?already={row.pk}",
        f"{day}roster/",
        f"{day}close-out/",
        f"{day}walk-in/",
        f"{day}delay/",
        f"{day}cancel/",
        f"{day}walk-in/?new=yes",
        f"{row.pk}/note/",
        f"households/{household}/edit/",
        f"households/{household}/notes/",
        f"households/{household}/merge/?q=Family",
        f"households/{household}/merge/?other={household - 1}",
        f"households/{household}/merge/?other={household + 3}",
        "planning/",
        "report/",
        "../household/",
        f"../household/{household}/change/",
        "../../schedules/eventslot/",
        "../../schedules/eventdate/",
        "../../audit/auditevent/",
        "../../audit/checkin/",
        "../../",
        "../../all/",
        "../../auth/user/",
        "../../auth/user/add/",
        "../../auth/user/locked/",
    ]


def _serious(page: Page) -> list[Any]:
    violations = Axe().run(page).response["violations"]
    return [
        (rule["id"], rule["nodes"][0]["html"][:200])
        for rule in violations
        if rule["impact"] in {"serious", "critical"}
    ]


@pytest.mark.one_engine
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_violation(
    tablet: Tablets, booked: EventRegistration, theme: str
) -> None:
    page = tablet("Administrator", size=DESKTOP, for_axe=True)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    violations = {}
    for path in _pages(booked):
        page.goto(path)
        if serious := _serious(page):
            violations[path] = serious
    for action in ("cancel", "move", "promote"):
        page.goto(".")
        page.get_by_label("Select this object for an action").first.check()
        page.get_by_label("Action:").select_option(action)
        with page.expect_navigation():  # the page whole, its styles too
            page.get_by_role("button", name="Go").click()
        if serious := _serious(page):
            violations[action] = serious
    page.goto(f"{EventRegistration.objects.earliest('pk').pk}/change/")
    with page.expect_navigation():
        page.get_by_role("button", name="Check in…").click()
    expect(page.get_by_label("Reason")).to_be_visible()
    if serious := _serious(page):
        violations["a reason"] = serious

    assert violations == {}


@pytest.mark.one_engine
def test_no_page_needs_more_than_the_policy_allows(
    tablet: Tablets, booked: EventRegistration
) -> None:
    page = tablet("Administrator", size=DESKTOP)  # the fixture fails on anything refused
    for path in _pages(booked):
        answer = page.goto(path)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_the_gate_fits_a_tablet(tablet: Tablets, booked: EventRegistration) -> None:
    page = tablet("Front desk", size=TABLET)
    day = desk.day(factories.EventDate(booked.event_date_id))
    for path in (
        day,
        f"{day}?q=Family",
        f"{day}walk-in/?household={booked.household_id}",
        f"{day}close-out/",
        "planning/",
    ):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, path
        small = page.evaluate(
            "[...document.querySelectorAll('.touch, .desk .button, .tick, .target')]"
            ".filter(e => e.offsetHeight < 44).map(e => e.outerHTML)"
        )
        assert small == [], path
