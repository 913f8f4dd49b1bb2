"""Who was served, counted from who came."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from audit.models import CheckIn
from registrations.models import (
    EventRegistration,
    Household,
    HouseholdMember,
    HouseholdProfile,
    Status,
)
from registrations.queries import report, statuses
from registrations.services import attendance
from schedules.keys import date_key
from schedules.models import EventDate
from tests.support import booking as b
from tests.support import factories

TODAY = factories.NOON.date()  # Wednesday, June 17, 2026


def _date(day: date, name: str = "Market", **options: Any) -> EventDate:
    return factories.EventDateFactory(
        event_date_key=date_key(day), event__event_name=name, capacity=99, **options
    )


def _born(household: Household, *births: date) -> list[HouseholdMember]:
    return [factories.MemberFactory(household=household, date_of_birth=born) for born in births]


def _booked(household: Household, day: EventDate) -> EventRegistration:
    return b.register(household, day, by=b.STAFF, override_reason="for the test")


def _came(
    household: Household, day: EventDate, members: Sequence[HouseholdMember] | None = None
) -> EventRegistration:
    """Booked an hour before, then checked in: all of them, or these."""
    registration = _booked(household, day)
    early = registration.created_at - timedelta(hours=1)
    EventRegistration.objects.filter(pk=registration.pk).update(created_at=early)
    ids = None if members is None else [member.pk for member in members]
    return attendance.check_in(registration, attendee_ids=ids, by=b.STAFF)


def _read(
    first: date = TODAY, last: date = TODAY, by: str = "day", **options: Any
) -> tuple[list[report.Line], report.Line]:
    return report.add_up(report.read(first, last, **options), by)


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2026, 6, 17), "0–17"),
        (date(2008, 6, 18), "0–17"),
        (date(2008, 6, 17), "18–59"),
        (date(1966, 6, 18), "18–59"),
        (date(1966, 6, 17), "60 and older"),
        (date(1906, 6, 17), "60 and older"),
        (date(1905, 6, 17), "age unknown"),
        (date(2026, 6, 18), "age unknown"),
        (None, "age unknown"),
    ],
)
def test_age_on_the_day(born: date | None, band: str) -> None:
    assert report.BANDS[report.band(born, TODAY)] == band


def test_only_members_who_came_count() -> None:
    household = factories.HouseholdFactory(size=0)
    child, _, grandmother = _born(household, date(2020, 1, 1), date(1985, 1, 1), date(1950, 1, 1))
    _came(household, _date(TODAY), [child, grandmother])

    (line,), total = _read()

    assert line.label == "Wed Jun 17, 2026"
    assert line.ages == [("0–17", 1), ("18–59", 0), ("60 and older", 1), ("age unknown", 0)]
    assert (line.visits, line.households, line.individuals) == (1, 1, 2)
    assert (total.visits, total.people) == (line.visits, line.people)


def test_the_last_check_in_counts_and_what_was_undone_does_not() -> None:
    today, household = _date(TODAY), factories.HouseholdFactory(size=0)
    one, two = _born(household, date(1985, 1, 1), date(1986, 1, 1))
    again = _came(household, today, [one, two])
    attendance.undo_check_in(again, by=b.STAFF)
    attendance.check_in(again, attendee_ids=[two.pk], by=b.STAFF)
    undone = _came(factories.households(1)[0], today)
    attendance.undo_check_in(undone, by=b.STAFF)
    _booked(factories.households(1)[0], today)  # is still expected

    _, total = _read()

    assert (total.visits, total.individuals) == (1, 1)


def test_an_adopted_check_in_counts_all_attendees() -> None:
    household = factories.HouseholdFactory(size=3)
    registration = _booked(household, _date(TODAY))
    EventRegistration.objects.filter(pk=registration.pk).update(
        event_status=statuses.row_for(Status.CHECKED_IN)
    )
    assert not CheckIn.objects.exists()

    _, total = _read()

    assert (total.visits, total.individuals, total.walk_ins) == (1, 3, 0)


def test_walk_ins_and_no_shows() -> None:
    today = _date(TODAY, accept_walkin=1)
    here, away, walks = factories.households(3)
    _came(here, today)
    attendance.mark_no_show(_booked(away, today), by=b.STAFF)
    walk_in = attendance.walk_in(
        household_id=walks.pk,
        attendee_ids=[walks.members.get().pk],
        target=b.target_of(today),
        override_reason="",
        by=b.STAFF,
    )

    _, total = _read()
    attendance.undo_check_in(walk_in, by=b.STAFF)
    attendance.check_in(walk_in, by=b.STAFF)
    _, again = _read()

    assert (total.visits, total.walk_ins, total.no_shows) == (2, 1, 1)
    assert (again.visits, again.walk_ins, again.no_shows) == (2, 1, 1)


def test_first_visit_is_the_first_of_the_calendar_year_at_any_event() -> None:
    one, other, new = factories.households(3)
    last_year, january, may = date(2025, 12, 30), date(2026, 1, 3), date(2026, 5, 30)
    _came(one, _date(last_year))
    _came(other, _date(january, "Elsewhere"))
    june = _date(TODAY - timedelta(days=1))
    for household in (one, other, new):
        _came(household, june)
    _came(one, _date(TODAY))
    _booked(new, _date(may))  # did not come

    def first_visits(first: date, last: date) -> list[int]:
        return [line.first_visits for line in _read(first, last)[0]]

    assert first_visits(TODAY, TODAY) == [0]
    assert first_visits(TODAY - timedelta(days=1), TODAY) == [2, 0]  # the other's was in January
    assert first_visits(january, TODAY) == [1, 2, 0]
    assert first_visits(last_year, TODAY) == [1, 1, 2, 0]


def test_by_month_event_and_zip() -> None:
    one, two = factories.households(2)
    market, truck = _date(TODAY, "market"), _date(TODAY, "Truck")
    second = factories.EventDateFactory(event=market.event, event_date_key=20260520, capacity=9)
    for household, day in ((one, market), (one, truck), (one, second), (two, second)):
        _came(household, day)
    HouseholdProfile.objects.create(household=two, zip_code="43215")
    first = date(2026, 5, 20)

    def lines(by: str) -> list[tuple[str, int, int]]:
        return [(line.label, line.visits, line.households) for line in _read(first, TODAY, by)[0]]

    assert lines("day") == [("Wed May 20, 2026", 2, 2), ("Wed Jun 17, 2026", 2, 1)]
    assert lines("month") == [("May 2026", 2, 2), ("June 2026", 2, 1)]
    assert lines("event") == [("market", 3, 2), ("Truck", 1, 1)]
    assert lines("zip") == [("43215", 1, 1), ("unknown", 3, 1)]
    _, total = _read(first, TODAY, "month")
    assert (total.visits, total.households) == (4, 2)
    only_truck, _ = _read(first, TODAY, "event", event_id=truck.event_id)
    assert [line.label for line in only_truck] == ["Truck"]


def test_days_outside_the_period_do_not_count() -> None:
    for days in (-2, -1, 0):
        _came(factories.households(1)[0], _date(TODAY + timedelta(days=days)))
    yesterday = TODAY - timedelta(days=1)

    lines, _ = _read(yesterday, yesterday)

    assert [line.label for line in lines] == ["Tue Jun 16, 2026"]


def test_a_registration_without_a_household_is_a_household_of_its_own() -> None:
    today = _date(TODAY)
    for household in factories.households(2):
        registration = _came(household, today)
        EventRegistration.objects.filter(pk=registration.pk).update(household=None)

    _, total = _read()

    assert (total.households, total.individuals) == (2, 2)
    assert total.ages[3] == ("age unknown", 2)


def test_nothing_happened() -> None:
    lines, total = _read()

    assert (lines, total.visits, total.households) == ([], 0, 0)


def test_it_runs_a_fixed_number_of_queries() -> None:
    def queries(days: int, people: int) -> int:
        for day in range(days):
            at = _date(TODAY - timedelta(days=day))
            for household in factories.households(people):
                _came(household, at)
        _came(factories.households(1)[0], _date(TODAY - timedelta(days=100 + days)))
        return len(b.statements(lambda: _read(TODAY - timedelta(days=30))))

    assert queries(1, 1) == queries(8, 5) == 8
