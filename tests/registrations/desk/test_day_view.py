"""The day of a distribution at the gate."""

from typing import Any

import pytest
from django.db import OperationalError, connections

from freshtrak.databases import PUBLIC
from registrations.desk import day_view
from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def today() -> EventDate:
    return factories.EventDateFactory(event_date_key=factories.in_days(0), event__event_name="Gate")


@pytest.fixture
def slot(today: EventDate) -> EventSlot:
    return factories.EventSlotFactory(event_hour__event_date=today, capacity=3)


def _named(*names: str) -> list[Any]:
    return [factories.HouseholdFactory(name=name) for name in names]


def test_the_only_distribution_today_opens_at_once(slot: EventSlot) -> None:
    anna = desk.log_in("Front desk")

    assert "Gate" in desk.page(anna, "days/")
    assert "No distributions on this day." in desk.page(anna, "days/", date="2030-01-01")
    assert "That date does not exist. Showing today." in desk.page(anna, "days/", date="2030-02-31")

    factories.EventDateFactory(event_date_key=factories.in_days(0), event__event_name="Market")
    both = desk.page(anna, "days/")
    assert "Gate" in both
    assert "Market" in both


def test_bars_and_roster(today: EventDate, slot: EventSlot) -> None:
    abe, bea, cid, dora = (b.register(household, slot) for household in _named(*"ABCD"))
    anna = desk.log_in("Front desk")
    desk.confirm(anna, "check_in", abe)
    desk.confirm(anna, "mark_no_show", bea)

    page = desk.page(anna, desk.day(today))
    counters = desk.page(anna, f"{desk.day(today)}counters/")

    for shown in (page, counters):
        assert "1 expected 1 checked in 1 no-show 1 waiting 7 free of 10" in shown
        assert "9:30 a.m. 3 of 3 · full 1 came · 1 waiting" in shown
    assert "Roster: 4" in page
    attendee = abe.household.members.get().first_name
    assert f"A, {attendee} · 1 9:30 a.m. {abe.confirmation_code}" in page
    assert f"{cid.confirmation_code} First" in page
    assert f"{dora.confirmation_code}" in page
    assert "… waitlisted (#1)" in page


def test_find_by_name_misspelled_name_and_code(today: EventDate, slot: EventSlot) -> None:
    johnson, rivera = (b.register(household, slot) for household in _named("Johnson", "Rivera"))
    elsewhere = b.register(_named("Johnston")[0], factories.EventSlotFactory())
    anna = desk.log_in("Front desk")

    for text in ("johns", "Jonson", johnson.confirmation_code):
        matches = desk.page(anna, desk.day(today), q=text)
        assert f"Found for “{text}”: 1" in matches
        assert johnson.confirmation_code in matches
        assert rivera.confirmation_code not in matches
        assert elsewhere.confirmation_code not in matches
    assert "No registration on this date matches that name or code" in desk.page(
        anna, desk.day(today), q="Okafor"
    )


def test_one_touch_checks_in_and_another_undoes_it(today: EventDate, slot: EventSlot) -> None:
    registration = b.register(_named("Johnson")[0], slot)
    anna = desk.log_in("Front desk")

    in_ = desk.post(anna, f"{desk.day(today)}check-in/", registration=registration.pk)
    out = desk.post(anna, f"{desk.day(today)}undo/", registration=registration.pk)

    who = f"Johnson, {registration.household.members.get().first_name} · 1"
    assert f"{who} {registration.confirmation_code} ✓ checked in at" in in_
    assert f"{who} {registration.confirmation_code} ○ confirmed" in out
    assert b.drift() == {}


def test_check_in_of_some_attendees(today: EventDate, slot: EventSlot) -> None:
    household = factories.HouseholdFactory(size=2)
    registration = b.register(household, slot)
    one = household.members.order_by("pk")[0]
    anna, path = desk.log_in("Front desk"), f"{desk.day(today)}check-in/"
    touch = {"registration": registration.pk, "choose": "yes"}

    assert "Name at least one attendee" in desk.post(anna, path, **touch)
    desk.post(anna, path, **touch, attendee=[one.pk])

    history = desk.page(desk.log_in("Coordinator", "carl"), f"{registration.pk}/change/")
    assert "Checked in anna" in history


def test_the_second_tablet_is_told_who_was_first_and_when(
    today: EventDate, slot: EventSlot
) -> None:
    registration = b.register(_named("Johnson")[0], slot)
    anna, ben = desk.log_in("Front desk", "anna"), desk.log_in("Front desk", "ben")
    path = f"{desk.day(today)}check-in/"

    desk.post(anna, path, registration=registration.pk)
    result = desk.post(ben, path, registration=registration.pk)

    assert (
        f"{registration.confirmation_code} for 9:30 a.m. Already checked in by anna at " in result
    )
    assert 'class="person already"' in _card_of(ben, today, registration)


def _card_of(client: Any, today: EventDate, registration: EventRegistration) -> str:
    """The page that a scan of this registration's code opens, with its tags."""
    path = f"{desk.LIST}{desk.day(today)}"
    return str(client.get(path, {"q": registration.confirmation_code}).content.decode())


def test_every_outcome_of_a_scan_is_a_card(today: EventDate, slot: EventSlot) -> None:
    EventSlot.objects.filter(pk=slot.pk).update(capacity=2)
    expected, gone, waits = (b.register(h, slot) for h in _named("A", "B", "C"))
    b.cancel(gone)
    late = b.register(_named("D")[0], slot)
    attendance.mark_no_show(expected, by=b.STAFF)
    anna = desk.log_in("Front desk")

    assert 'class="person found"' in _card_of(anna, today, expected)  # a latecomer
    assert b.status_of(waits) == "confirmed"  # moved up when B cancelled
    assert "Waits for a place: number 1 in the queue." in _card_of(anna, today, late)
    assert "no place is kept" in _card_of(anna, today, gone)
    for registration in (late, gone):
        assert 'class="person other"' in _card_of(anna, today, registration)
        assert "check-in/" not in _card_of(anna, today, registration)


@pytest.mark.parametrize(
    "address",
    [
        "https://freshtrak.example/r?code={code}&event_date_id=5",
        "https://freshtrak.example/registrations/{code}/",
        "https://freshtrak.example/#/r/{code}?lang=es",
        "www.freshtrak.example/{code}",
    ],
)
def test_a_scanned_address_is_understood(today: EventDate, slot: EventSlot, address: str) -> None:
    johnson = b.register(_named("Johnson")[0], slot)
    code = johnson.confirmation_code

    page = desk.page(desk.log_in("Front desk"), desk.day(today), q=address.format(code=code))

    assert f"Found for “{code}”: 1" in page


def test_a_code_for_another_day_says_for_which_and_links_there(today: EventDate) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__event__event_name="Market")
    other = b.register(_named("Johnson")[0], slot)
    anna = desk.log_in("Front desk")
    path = f"{desk.LIST}{desk.day(today)}"

    response = anna.get(path, {"q": f"https://x.example/?code={other.confirmation_code}"})

    page = desk.text_of(response)
    assert "Not for this date: Market, Wednesday, June 24, 9:30 a.m.–9:45 a.m." in page
    there = f"{desk.day(slot.event_hour.event_date)}?q={other.confirmation_code}"
    assert f"{desk.LIST}{there}" in response.content.decode()
    assert other.confirmation_code in desk.page(anna, there)


def test_two_households_of_one_name_are_told_apart(today: EventDate, slot: EventSlot) -> None:
    for names in (["Anna", "Ben", "Cam", "Dao"], ["Linh", "Minh"]):
        household = factories.HouseholdFactory(name="Nguyen", size=0)
        for name in names:
            factories.MemberFactory(
                household=household, first_name=name, is_head_of_household=name == "Minh"
            )
        b.register(household, slot)

    page = desk.page(desk.log_in("Front desk"), desk.day(today), q="Nguyen")

    assert "Nguyen, Anna · 4" in page
    assert "Nguyen, Minh · 2" in page


def test_search_results_stand_before_the_bars(today: EventDate, slot: EventSlot) -> None:
    b.register(_named("Johnson")[0], slot)
    anna = desk.log_in("Front desk")

    found = desk.page(anna, desk.day(today), q="Johnson")
    everyone = desk.page(anna, desk.day(today))

    assert found.index("Found for") < found.index("1 expected")
    assert everyone.index("1 expected") < everyone.index("Roster: 1")


def test_page_2_stays_page_2_after_a_check_in(
    today: EventDate, slot: EventSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_view, "PAGE_SIZE", 2)
    rows = [b.register(household, slot) for household in _named(*"ABC")]
    anna, path = desk.log_in("Front desk"), f"{desk.LIST}{desk.day(today)}"

    def after(query: str) -> str:
        touch = {"registration": rows[2].pk, "next": f"{path}{query}"}
        return str(anna.post(f"{path}check-in/", touch)["Location"])

    assert after(f"?slot={slot.pk}&page=2") == f"{path}?slot={slot.pk}&page=2&done={rows[2].pk}"
    assert after("?page=2") == f"{path}?page=2&already={rows[2].pk}"
    assert after("?q=C&page=2") == f"{path}?already={rows[2].pk}"
    assert "Page 2 of 2" in desk.page(anna, desk.day(today), page=2, done=rows[2].pk)


@pytest.mark.parametrize(
    ("days", "banner"),
    [
        (1, "This day is tomorrow, Thursday, June 18, 2026."),
        (7, "This day is 7 days from now, Wednesday, June 24, 2026."),
        (-1, "This day was yesterday, Tuesday, June 16, 2026."),
        (-3, "This day is over: Sunday, June 14, 2026."),
    ],
)
def test_another_day_says_so_and_has_no_one_touch(days: int, banner: str) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(_named("Johnson")[0], slot)
    other_day = slot.event_hour.event_date
    EventDate.objects.filter(pk=other_day.pk).update(event_date_key=factories.in_days(days))
    anna, path = desk.log_in("Front desk"), f"{desk.LIST}{desk.day(other_day)}"

    for query in ({}, {"q": registration.confirmation_code}, {"done": registration.pk}):
        response = anna.get(path, query)
        assert banner in desk.text_of(response)
        assert "check-in/" not in response.content.decode()


def test_today_has_no_banner(today: EventDate, slot: EventSlot) -> None:
    b.register(_named("Johnson")[0], slot)

    page = desk.page(desk.log_in("Front desk"), desk.day(today))

    assert "This day" not in page
    assert "Check in" in page


def test_check_in_of_a_registration_that_was_moved_away(today: EventDate, slot: EventSlot) -> None:
    registration = b.register(_named("Johnson")[0], slot)
    b.move(registration, factories.EventSlotFactory())

    result = desk.post(
        desk.log_in("Front desk"), f"{desk.day(today)}check-in/", registration=registration.pk
    )

    assert "was moved to another date" in result
    assert b.status_of(registration) == "confirmed"


def test_close_out_marks_the_rest(today: EventDate, slot: EventSlot) -> None:
    here, away, waits = (
        b.register(household, slot)
        for household, slot in zip(
            _named("Here", "Away", "Waits"),
            [slot, slot, factories.EventSlotFactory(event_hour__event_date=today, capacity=0)],
            strict=True,
        )
    )
    anna = desk.log_in("Front desk")
    desk.confirm(anna, "check_in", here)

    preview = desk.page(anna, f"{desk.day(today)}close-out/")
    result = desk.post(anna, f"{desk.day(today)}close-out/")
    again = desk.post(anna, f"{desk.day(today)}close-out/")

    assert "1 registration is still expected and will be marked as no-show" in preview
    assert f"Away {away.confirmation_code}" in preview
    assert "1 marked as no-show." in result
    assert "0 marked as no-show." in again
    assert [b.status_of(row) for row in (here, away, waits)] == [
        "checked_in",
        "no_show",
        "waitlisted",
    ]
    assert b.drift() == {}


def test_close_out_of_a_future_day_is_refused() -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(_named("Johnson")[0], slot)
    path = f"{desk.day(slot.event_hour.event_date)}close-out/"

    result = desk.post(desk.log_in("Front desk"), path)

    assert "This day is still to come" in result
    assert b.status_of(registration) == "confirmed"


def test_printed_roster_lists_everyone_in_order_of_time(today: EventDate, slot: EventSlot) -> None:
    early = factories.EventSlotFactory(event_hour__event_date=today, start_time_key=900)
    late, first = (b.register(h, s) for h, s in zip(_named("Late", "Early"), (slot, early)))  # noqa: B905
    gone = b.register(_named("Gone")[0], slot)
    b.cancel(gone)

    paper = desk.page(desk.log_in("Front desk"), f"{desk.day(today)}roster/")

    assert "2 registrations" in paper
    assert paper.index(first.confirmation_code) < paper.index(late.confirmation_code)
    assert "Gone" not in paper


def test_a_date_without_slots(today: EventDate) -> None:
    b.register(_named("Johnson")[0], today)

    page = desk.page(desk.log_in("Front desk"), desk.day(today))

    assert "1 of 10" in page
    assert "Johnson" in page


def test_missing_date_says_so() -> None:
    result = desk.page(desk.log_in("Front desk"), "days/4000000000/")

    assert "There is no such date, or it is temporarily unavailable." in result


@pytest.mark.real_commits
def test_without_public_the_gate_still_works(today: EventDate, slot: EventSlot) -> None:
    registration = b.register(_named("Johnson")[0], slot)
    anna = desk.log_in("Front desk")

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        days = desk.page(anna, "days/")
        matches = desk.page(anna, desk.day(today), q="Johnson")
        in_ = desk.post(anna, f"{desk.day(today)}check-in/", registration=registration.pk)
        paper = desk.page(anna, f"{desk.day(today)}roster/")
        walk_in = desk.page(anna, f"{desk.day(today)}walk-in/")
        planning = desk.page(anna, "planning/")
        closing = desk.page(anna, f"{desk.day(today)}close-out/")

    for page in (days, matches, in_, paper, walk_in, planning, closing):
        assert "schedules are temporarily unavailable" in page
    assert "1 expected 0 checked in" in matches
    assert "✓ checked in at" in in_
    assert "Johnson" in paper


@pytest.mark.real_commits
def test_without_public_the_days_known_lead_to_their_rosters(
    today: EventDate, slot: EventSlot
) -> None:
    registration = b.register(_named("Johnson")[0], slot)
    tomorrow = factories.EventDateFactory(event_date_key=factories.in_days(1))
    b.register(_named("Rivera")[0], tomorrow)
    anna = desk.log_in("Front desk")
    desk.page(anna, "days/", date="2030-01-01")  # any page of the desk; it keeps the coming week
    ben = desk.log_in("Front desk", "ben")

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        known = desk.page(anna, "days/")
        day = desk.page(anna, desk.day(today))
        later = desk.page(anna, desk.day(tomorrow))
        unknown = desk.page(ben, "days/")
        desk.post(ben, f"{desk.day(today)}check-in/", registration=registration.pk)
        by_check_ins = ben.get(f"{desk.LIST}days/").content.decode()
        another = desk.page(anna, "days/", date="2030-01-01")

    assert "Gate, 9 a.m.–noon" in known
    assert "Gate, 9 a.m.–noon" in day
    assert "This day is tomorrow," in later
    assert "is not known here while the schedules are down" in unknown
    assert "A distribution with 1 check-in today" in by_check_ins
    assert f'href="{desk.LIST}{desk.day(today)}"' in by_check_ins
    assert "Gate" not in another


def test_pages_run_a_fixed_number_of_queries(today: EventDate, slot: EventSlot) -> None:
    anna = desk.log_in("Front desk")
    EventSlot.objects.update(capacity=200)

    def queries(path: str, **query: str) -> int:
        return len(b.statements(lambda: desk.page(anna, path, **query)))

    paths = [
        (desk.day(today), {}),
        (desk.day(today), {"q": "Family"}),
        (f"{desk.day(today)}counters/", {}),
        (f"{desk.day(today)}roster/", {}),
        ("planning/", {}),
    ]

    def all_queries(people: int) -> list[int]:
        for household in factories.households(people):
            b.register(household, slot)
        return [queries(path, **query) for path, query in paths]

    all_queries(2)
    assert all_queries(1) == all_queries(60)
