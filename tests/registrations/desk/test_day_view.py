"""The day of a distribution at the gate."""

from typing import Any

import pytest
from django.db import OperationalError, connections

from freshtrak.databases import PUBLIC
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
    assert f"A 9:30 a.m. {abe.confirmation_code}" in page
    assert f"{cid.confirmation_code} First" in page
    assert f"{dora.confirmation_code}" in page
    assert "… waitlisted (#1)" in page


def test_find_by_name_misspelled_name_and_code(today: EventDate, slot: EventSlot) -> None:
    johnson, rivera = (b.register(household, slot) for household in _named("Johnson", "Rivera"))
    elsewhere = b.register(_named("Johnston")[0], factories.EventSlotFactory())
    anna = desk.log_in("Front desk")

    for text in ("johns", "Jonson", johnson.confirmation_code):
        matches = desk.page(anna, desk.day(today), q=text)
        assert "Found: 1" in matches
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

    assert f"Johnson {registration.confirmation_code} ✓ checked in at" in in_
    assert f"Johnson {registration.confirmation_code} ○ confirmed" in out
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

    code = registration.confirmation_code
    assert f"Johnson ({code}): Already checked in by anna at " in result


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
