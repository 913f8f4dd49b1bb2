"""A household nobody knows stands at the gate; notes; two that are one."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from registrations.models import EventRegistration, Household
from registrations.services import enrolment
from registrations.services.enrolment import Person
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
    return factories.EventSlotFactory(event_hour__event_date=today, capacity=3)


@pytest.fixture
def okafor() -> Household:
    head = Person("Ama", "Okafor", date(1980, 2, 3))
    return enrolment.enrol(head=head, members=[Person("Kofi")], zip_code="43215", by=b.STAFF)


def _fill(page: Page, first_name: str, last_name: str, people: int) -> None:
    head = page.get_by_role("group", name="Head of the household")
    head.get_by_label("First name").first.fill(first_name)
    head.get_by_label("Last name").first.fill(last_name)
    page.get_by_label("How many people?").fill(str(people))
    page.get_by_label("ZIP code").fill("43215")
    page.get_by_text("9:30 a.m.–9:45 a.m.").click()


def test_somebody_new_from_the_search_to_the_green_card(
    tablet: Tablets, today: EventDate, slot: EventSlot
) -> None:
    page = tablet("Front desk")
    page.goto(desk.day(today))

    page.get_by_role("searchbox").fill("Ama Okafor")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Found for “Ama Okafor”")).to_be_visible()
    page.get_by_role("link", name="Register a walk-in").click()
    page.get_by_role("link", name="Somebody new").click()
    expect(page.get_by_label("Last name").first).to_have_value("Okafor")
    _fill(page, "Ama", "Okafor", 3)
    page.get_by_text("The others: names and birth dates").click()
    page.get_by_label("First name").nth(1).fill("Kofi")
    page.get_by_role("button", name="Enter, register and check in").click()

    expect(page.locator(".messagelist")).to_contain_text("Entered: Okafor Household, 3 people.")
    expect(page.locator(".person")).to_contain_text("Okafor Household")
    expect(page.locator(".person")).to_contain_text("checked in at")
    names = [str(member) for member in Household.objects.get().members.order_by("pk")]
    assert names == ["Ama Okafor", "Kofi Okafor", "Member 3 Okafor"]
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_somebody_who_is_known_already(
    tablet: Tablets, today: EventDate, slot: EventSlot, okafor: Household
) -> None:
    page = tablet("Front desk")
    page.goto(f"{desk.day(today)}walk-in/?new=yes")
    _fill(page, "Amma", "Okafor", 2)
    page.get_by_role("button", name="Enter, register and check in").click()

    expect(page.get_by_role("alert")).to_contain_text("Is it one of these?")
    assert EventRegistration.objects.count() == 0
    page.get_by_role("link", name="Register this household instead").click()
    page.get_by_text("9:30 a.m.–9:45 a.m.").click()
    if (reason := page.get_by_label("Reason")).is_visible():  # asked for once the slot is over
        reason.fill("they came late")
    page.get_by_role("button", name="Register and check in").click()

    expect(page.locator(".person")).to_contain_text("Okafor Household")
    assert Household.objects.count() == 1
    assert b.status_of(EventRegistration.objects.get()) == "checked_in"


def test_what_is_typed_survives_a_refusal_and_the_hint(
    tablet: Tablets, today: EventDate, slot: EventSlot, okafor: Household
) -> None:
    page = tablet("Front desk")
    page.goto(f"{desk.day(today)}walk-in/?new=yes")
    _fill(page, "Ama", "Okafor", 2)
    page.get_by_role("button", name="Enter, register and check in").click()
    button = page.get_by_role("button", name="None of these: enter and check in")
    expect(button).to_be_visible()
    EventSlot.objects.update(capacity=0)
    button.click()

    expect(page.get_by_role("alert")).to_contain_text("The household was not entered")
    expect(page.get_by_label("How many people?")).to_have_value("2")
    assert Household.objects.count() == 1
    EventSlot.objects.update(capacity=1)
    page.get_by_role("button", name="Enter, register and check in").click()
    expect(page.locator(".person")).to_contain_text("checked in at")
    assert Household.objects.count() == 2


def test_a_note_written_on_one_tablet_is_on_the_card_of_the_other(
    tablet: Tablets, today: EventDate, slot: EventSlot, okafor: Household
) -> None:
    registration = b.register(okafor, slot)
    anna, ben = tablet("Front desk", "anna"), tablet("Front desk", "ben")

    anna.goto(f"{registration.pk}/change/")
    anna.get_by_role("link", name="on the household").click()
    anna.get_by_label("Allergy").fill("Hazelnuts")
    anna.get_by_role("button", name="Save").click()
    expect(anna.locator(".summary")).to_contain_text("Allergy: Hazelnuts")
    ben.goto(desk.day(today))
    ben.keyboard.type(registration.confirmation_code)  # as a scanner does
    ben.keyboard.press("Enter")

    expect(ben.locator(".person")).to_contain_text("Allergy: Hazelnuts")
    expect(ben.locator(".roster")).to_contain_text("Allergy: Hazelnuts")


def test_two_tablets_edit_the_same_household(tablet: Tablets, okafor: Household) -> None:
    one, other = tablet("Front desk", "anna"), tablet("Front desk", "ben")
    for page in (one, other):
        page.goto(f"../household/{okafor.pk}/change/")
        page.get_by_role("link", name="Edit", exact=True).click()

    one.get_by_label("Birth date").nth(1).fill("2016-05-04")
    one.get_by_role("button", name="Save").click()
    other.get_by_label("First name").nth(1).fill("Kojo")
    other.get_by_role("button", name="Save").click()

    expect(one.locator(".messagelist")).to_contain_text("Saved: Okafor Household.")
    expect(other.locator(".messagelist")).to_contain_text("Somebody else changed this a moment ago")
    expect(other.get_by_label("Birth date").nth(1)).to_have_value("2016-05-04")
    names = [member.first_name for member in okafor.members.order_by("pk")]
    assert names == ["Ama", "Kofi"]


def test_merge(tablet: Tablets, slot: EventSlot, okafor: Household) -> None:
    again = enrolment.enrol(head=Person("Ama", "Okafor"), by=b.STAFF)
    registration = b.register(again, slot)
    page = tablet("Administrator")
    page.goto(f"../household/{okafor.pk}/change/")

    page.get_by_role("link", name="Merge…").click()
    page.get_by_role("searchbox").fill("Okafor")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=again.identification_code).click()
    page.get_by_role("button", name="Merge the two households").click()

    expect(page.locator(".messagelist")).to_contain_text("No place moved.")
    expect(page.get_by_role("link", name=registration.confirmation_code)).to_be_visible()
    assert EventRegistration.objects.get().household_id == okafor.pk
    assert okafor.members.filter(is_active=True).count() == 2  # Ama is not there twice
    assert b.drift() == {}


@pytest.mark.one_engine
@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["phone", "tablet", "desktop"])
def test_nothing_is_wider_than_the_screen(
    tablet: Tablets, today: EventDate, slot: EventSlot, okafor: Household, size: dict[str, int]
) -> None:
    again = enrolment.enrol(head=Person("Ama", "Okafor"), by=b.STAFF)
    registration = b.register(okafor, slot)
    page = tablet("Administrator", size=size)
    household = f"households/{okafor.pk}"
    pages = [
        f"{desk.day(today)}walk-in/?q=Okafor",
        f"{desk.day(today)}walk-in/?new=yes",
        f"../household/{okafor.pk}/change/",
        f"{household}/edit/",
        f"{household}/notes/",
        f"{household}/merge/?q=Okafor",
        f"{household}/merge/?other={again.pk}",
        f"{registration.pk}/note/",
    ]

    wide = {}
    for path in pages:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            wide[path] = width

    assert wide == {}
