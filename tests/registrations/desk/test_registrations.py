"""The list with its filters and search, and the page of one registration."""

from datetime import timedelta

import pytest

from registrations.models import EventRegistration, EventStatus
from tests.support import booking as b
from tests.support import desk, factories


def _shown(page: str) -> set[str]:
    rows = EventRegistration.objects.all()
    return {row.household.name for row in rows if row.household and row.confirmation_code in page}


@pytest.fixture
def some() -> None:
    """Abe is booked for next week, and Bea waits behind him; Cid's date was two days ago."""
    slot = factories.EventSlotFactory(
        event_slot_id=501, capacity=1, event_hour__event_date__event__event_name="Market"
    )
    past = factories.EventDateFactory(event_date_key=factories.in_days(0))
    for name, target in (("Abe", slot), ("Bea", slot), ("Cid", past)):
        b.register(factories.HouseholdFactory(name=name), target)
    type(past).objects.filter(pk=past.pk).update(event_date_key=factories.in_days(-2))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"Abe", "Bea", "Cid"}),
        ({"when": "upcoming"}, {"Abe", "Bea"}),
        ({"when": "past"}, {"Cid"}),
        ({"status": "waitlisted"}, {"Bea"}),
        ({"status": "none"}, set()),
        ({"status": "confirmed", "when": "upcoming"}, {"Abe"}),
        ({"day": str(factories.NOON.date() + timedelta(days=7))}, {"Abe", "Bea"}),
        ({"day": str(factories.NOON.date())}, set()),
        ({"event_slot_id": "501"}, {"Abe", "Bea"}),
        ({"event_slot_id": "999999999999999999"}, set()),
        ({"q": "bea"}, {"Bea"}),
    ],
)
def test_filters(some: None, query: dict[str, str], names: set[str]) -> None:
    assert _shown(desk.page(desk.log_in("Front desk"), "", **query)) == names


@pytest.mark.parametrize(
    "query",
    [{"day": "yesterday"}, {"day": "2026-02-31"}, {"event_id": "x"}, {"event_id": "9" * 5000}],
)
def test_invalid_filters_show_everything(some: None, query: dict[str, str]) -> None:
    assert _shown(desk.page(desk.log_in("Front desk"), "", **query)) == {"Abe", "Bea", "Cid"}


def test_event_and_slot_can_be_chosen(some: None) -> None:
    day = factories.today() + timedelta(days=7)

    page = desk.page(desk.log_in("Front desk"), "", day=str(day))

    assert "9:30 a.m. Market" in page


def test_search_finds_parts_of_names_and_misspelled_ones_after_exact_ones() -> None:
    slot = factories.EventSlotFactory(capacity=9)
    for name in ("Johnson", "Jonson", "Rivera"):
        household = factories.HouseholdFactory(name=name, size=0)
        factories.MemberFactory(household=household, first_name="Maria", last_name=name)
        b.register(household, slot)
    anna = desk.log_in("Front desk")

    both = desk.page(anna, "", q="Jonson")
    words = desk.page(anna, "", q="maria rivera")
    unmatched = desk.page(anna, "", q="maria okafor")

    assert _shown(both) == {"Johnson", "Jonson"}
    assert both.index("Jonson Pantry") < both.index("Johnson Pantry")
    assert _shown(words) == {"Rivera"}
    assert _shown(unmatched) == set()


def test_a_registration_shows_its_history_and_what_can_be_done() -> None:
    slot = factories.slot_today()
    registration = b.register(factories.HouseholdFactory(name="Abe"), slot)
    anna, carl = desk.log_in("Front desk", "anna"), desk.log_in("Coordinator", "carl")
    desk.confirm(anna, "check_in", registration)

    checked_in = desk.page(carl, f"{registration.pk}/change/")
    desk.confirm(carl, "undo_check_in", registration)
    confirmed = desk.page(carl, f"{registration.pk}/change/")
    front_desk = desk.page(anna, f"{registration.pk}/change/")

    event = slot.event_hour.event_date
    place = f"{event.event.event_name}, {event.date:%a %b} {event.date.day}, 9:30 a.m.–9:45 a.m."
    assert f"Registered Participant {place} 1 place taken" in checked_in
    assert f"Checked in anna {place}" in checked_in
    assert "Undo check-in…" in checked_in
    assert "Move to another slot…" not in checked_in
    assert "Check-in undone carl" in confirmed
    for action in ("Check in…", "Mark as no-show…", "Move to another slot…", "Cancel…"):
        assert action in confirmed
    assert "Cancel…" not in front_desk
    assert "Check in…" in front_desk


def test_an_adopted_registration_that_fits_nowhere_can_be_read(household: object) -> None:
    odd = EventStatus.objects.create(name="Perhaps")
    row = EventRegistration.objects.create(household=None, event_status=odd)
    anna = desk.log_in("Front desk")

    assert "none: imported without one" in desk.page(anna, f"{row.pk}/change/")
    assert "Perhaps" in desk.page(anna, "", status="none")


@pytest.mark.parametrize("text", ["x" * 5000, "a b " * 500, "'%_\\", "\x00", "🥕"])
def test_search_answers_whatever_the_text(some: None, text: str) -> None:
    anna = desk.log_in("Front desk")
    date = EventRegistration.objects.all()[0].event_date_id

    for path in ("", f"days/{date}/", "../household/"):
        desk.page(anna, path, q=text)


def test_missing_registration_says_so() -> None:
    anna = desk.log_in("Coordinator")

    assert "There is no such registration." in desk.page(anna, "77/change/")
    assert "There is no such registration." in desk.page(anna, "77/attendees/")


@pytest.mark.parametrize(("order", "codes"), [("1", [0, 1]), ("-1", [1, 0])])
def test_the_list_sorts_by_code(order: str, codes: list[int]) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    rows = [b.register(household, slot) for household in factories.households(2)]

    page = desk.page(desk.log_in("Front desk"), "", o=order)

    first, second = (page.index(rows[at].confirmation_code) for at in codes)
    assert first < second
