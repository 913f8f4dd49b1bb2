"""Attendance on another day, and who came, wherever the desk shows a registration."""

import csv
import io
from typing import Any

import pytest

from audit.models import AuditEvent, CheckIn
from registrations.models import EventRegistration, EventStatus
from registrations.services import attendance
from schedules.models import EventDate, EventSlot
from tests.registrations.test_attendance_days import public_down
from tests.support import booking as b
from tests.support import desk, factories


def _four(slot: EventSlot, name: str = "Rivera") -> EventRegistration:
    household = factories.HouseholdFactory(name=name, size=0)
    for first_name in ("Ana", "Ben", "Cleo", "Dan"):
        factories.MemberFactory(household=household, first_name=first_name, last_name=name)
    registration: EventRegistration = b.register(household, slot)
    return registration


# On another day -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "done"), [("check_in", "checked in"), ("mark_no_show", "marked as no-show")]
)
def test_a_day_to_come_asks_for_a_reason(action: str, done: str) -> None:
    registration = _four(factories.EventSlotFactory())
    anna = desk.log_in("Front desk")

    preview = desk.act(anna, action, registration)
    refused = desk.confirm(anna, action, registration)
    assert b.status_of(registration) == "confirmed"
    result = desk.confirm(anna, action, registration, reason=" picks up early ")
    history = desk.page(anna, f"{registration.pk}/change/")

    assert "The day is still to come. Needs the reason below." in preview
    assert "which is still to come" in refused
    assert f"1 {done}." in result
    assert "The day was still to come; staff overrode that. Reason: picks up early" in history


def test_a_reason_is_asked_for_only_where_one_is_needed() -> None:
    today = _four(factories.slot_today())
    past = _four(factories.slot_today())
    EventDate.objects.filter(pk=past.event_date_id).update(event_date_key=factories.in_days(-1))
    anna = desk.log_in("Front desk")

    preview = desk.act(anna, "check_in", today, past)
    desk.confirm(anna, "check_in", today, past)
    history = desk.page(anna, f"{past.pk}/change/")

    assert "Reason" not in preview
    assert "The day has passed. Will be checked in with all attendees." in preview
    assert {b.status_of(row) for row in (today, past)} == {"checked_in"}
    assert "this day has passed" in history
    assert "Entered after the day." in history


@pytest.mark.real_commits
def test_without_public_a_no_show_takes_a_reason_and_a_check_in_does_not() -> None:
    here, away = _four(factories.slot_today()), _four(factories.EventSlotFactory())
    anna = desk.log_in("Front desk")

    with public_down():
        preview = desk.act(anna, "mark_no_show", away)
        refused = desk.confirm(anna, "mark_no_show", away)
        in_ = desk.confirm(anna, "check_in", here)

    assert "PantryTrak does not answer, so the day is not known. Needs the reason" in preview
    assert "it is not known whether the day has come" in refused
    assert "1 checked in." in in_
    assert [b.status_of(row) for row in (here, away)] == ["checked_in", "confirmed"]


# Came today instead ---------------------------------------------------------------------


@pytest.fixture
def today() -> EventDate:
    day: EventDate = factories.EventDateFactory(
        event_date_key=factories.in_days(0), event__event_name="Gate"
    )
    return day


@pytest.fixture
def tomorrow(today: EventDate) -> EventRegistration:
    """Booked at the same event, tomorrow."""
    day = factories.EventDateFactory(event=today.event, event_date_key=factories.in_days(1))
    return _four(factories.EventSlotFactory(event_hour__event_date=day))


def _path(registration: EventRegistration) -> str:
    return f"{registration.pk}/came-today/"


def test_came_today_takes_the_only_date_of_the_event(
    today: EventDate, tomorrow: EventRegistration
) -> None:
    slot = factories.EventSlotFactory(
        event_hour__event_date=today, start_time_key=1200, end_time_key=1300
    )
    factories.EventSlotFactory(event_hour=slot.event_hour)  # is over at noon
    factories.slot_today()  # of another event
    anna = desk.log_in("Front desk")
    ana, ben, *_ = tomorrow.attendees.values_list("household_member_id", flat=True)

    own = desk.page(anna, f"{tomorrow.pk}/change/")
    page = anna.get(f"{desk.LIST}{_path(tomorrow)}")
    done = desk.post(
        anna,
        _path(tomorrow),
        target=page.context["form"]["target"].value(),
        attendees=[ana, ben],
        reason="Came on another day",
    )
    history = desk.page(anna, f"{tomorrow.pk}/change/")

    assert "Came today instead…" in own
    assert "this day is still to come" in own
    assert page.context["form"]["target"].value() == f"slot-{slot.pk}"  # the running one
    assert "✓ checked in at noon by anna · 2 of 4 came" in done
    assert "Was registered for another day. Reason: Came on another day" in history
    assert EventRegistration.objects.get().event_slot_id == slot.pk
    assert b.drift() == {}


def test_came_today_asks_which_date_if_the_event_has_none(tomorrow: EventRegistration) -> None:
    EventDate.objects.filter(event_date_key=factories.in_days(0)).delete()
    anna = desk.log_in("Front desk")
    assert "There is no distribution today." in desk.page(anna, _path(tomorrow))

    other = factories.slot_today(event_hour__event_date__event__event_name="Market")
    choice = desk.page(anna, _path(tomorrow))
    form = desk.page(anna, _path(tomorrow), date=str(other.event_hour.event_date_id))

    assert "Which distribution of today?" in choice
    assert "Market" in choice
    assert "Give a place today" not in choice
    assert "Market, today" in form


def test_came_today_says_why_it_is_refused(today: EventDate, tomorrow: EventRegistration) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date=today, capacity=1)
    b.register(factories.households(1)[0], slot)
    anna = desk.log_in("Front desk")
    people = list(tomorrow.attendees.values_list("household_member_id", flat=True))
    data = {"target": f"slot-{slot.pk}", "attendees": people, "reason": "wrong day"}

    full = desk.post(anna, _path(tomorrow), **data)
    nobody = desk.post(anna, _path(tomorrow), **{**data, "attendees": []})
    no_reason = desk.post(anna, _path(tomorrow), **{**data, "reason": ""})
    EventSlot.objects.filter(pk=slot.pk).update(capacity=9)
    assert tomorrow.household is not None
    todays = b.register(tomorrow.household, slot)
    twice = desk.post(anna, _path(tomorrow), **data)
    own = desk.page(anna, _path(todays))

    assert "No place is left." in full
    assert "Name at least one attendee." in nobody
    assert "Say why the household came today." in no_reason
    assert f"with code {todays.confirmation_code}: check that in." in twice
    assert "This registration is for today: check it in." in own
    assert b.status_of(tomorrow) == "confirmed"
    assert not CheckIn.objects.exists()
    assert b.drift() == {}


def test_came_today_is_offered_only_for_other_days_and_one_at_a_time(
    tomorrow: EventRegistration,
) -> None:
    registration = _four(factories.slot_today(), "Okafor")
    anna = desk.log_in("Front desk")

    assert "Came today instead" not in desk.page(anna, f"{registration.pk}/change/")
    refused = desk.act(anna, "came_today", registration, tomorrow)
    one = desk.act(anna, "came_today", tomorrow)

    assert "Choose one registration" in refused
    assert "Came today instead: Rivera" in one
    assert "There is no such registration." in desk.page(anna, "77/came-today/")


# Who came -------------------------------------------------------------------------------


@pytest.fixture
def two_of_four() -> EventRegistration:
    registration = _four(factories.slot_today())
    ana, _, cleo, _ = registration.attendees.values_list("household_member_id", flat=True)
    anna = desk.member("Front desk", "gate")
    return attendance.check_in(
        registration, attendee_ids=[ana, cleo], by=b.trail.staff(str(anna.pk))
    )


def test_two_of_four_came_everywhere(two_of_four: EventRegistration) -> None:
    carl = desk.log_in("Coordinator", "carl")
    day = f"{desk.LIST}days/{two_of_four.event_date_id}/"

    for path in (
        desk.LIST,
        day,
        f"{day}?done={two_of_four.pk}",
        f"{day}roster/",
        f"/admin/registrations/household/{two_of_four.household_id}/change/",
    ):
        shown = desk.text_of(carl.get(path))
        assert "✓ checked in at noon by gate · 2 of 4 came" in shown, path
    own = desk.page(carl, f"{two_of_four.pk}/change/")

    assert "noon by gate · 2 of 4 came : Ana Rivera, Cleo Rivera" in own
    assert "2 of 4 came: Ana Rivera, Cleo Rivera." in own  # in the history


def test_history_counts_those_who_were_registered_then(two_of_four: EventRegistration) -> None:
    attendance.undo_check_in(EventRegistration.objects.get(), by=b.STAFF)
    two_of_four.attendees.all()[3].delete()
    AuditEvent.objects.create(
        action="attendees_changed",
        registration_id=two_of_four.pk,
        details={"attendees": [1, 2, 3]},
        at=factories.timezone.now(),
        actor_kind="staff",
    )
    attendance.check_in(EventRegistration.objects.get(), by=b.STAFF)

    own = desk.page(desk.log_in("Coordinator", "carl"), f"{two_of_four.pk}/change/")

    assert "2 of 4 came" in own
    assert "3 of 3 came" in own


def test_adopted_check_ins_came_without_numbers() -> None:
    registration = _four(factories.slot_today())
    EventRegistration.objects.update(event_status=EventStatus.objects.get(name="checked_in"))
    carl = desk.log_in("Coordinator", "carl")

    listed = desk.page(carl, "")
    roster = desk.page(carl, f"days/{registration.event_date_id}/roster/")
    (row,) = _csv(carl)

    for shown in (listed, roster):
        assert "✓ checked in · came" in shown
        assert "of 4 came" not in shown
    assert [row[name] for name in ("came", "who came", "checked in by")] == ["came", "", ""]


def _csv(client: Any) -> list[dict[str, str]]:
    text = client.get(f"{desk.LIST}export/csv/").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_export_says_who_came_when_and_by_whom(two_of_four: EventRegistration) -> None:
    b.register(factories.HouseholdFactory(), factories.slot_today())

    absent, came = _csv(desk.log_in("Coordinator", "carl"))

    columns = ("attendees", "came", "who came", "checked in", "checked in by")
    assert [came[name] for name in columns] == [
        "4",
        "2",
        "Ana Rivera, Cleo Rivera",
        "2026-06-17 12:00",
        "gate",
    ]
    assert [absent[name] for name in columns] == ["1", "", "", "", ""]


@pytest.mark.parametrize("path", ["", "days/{}/", "days/{}/roster/", "export/csv/"])
def test_who_came_takes_a_fixed_number_of_queries(path: str) -> None:
    slot = factories.slot_today(capacity=100)
    path = path.format(slot.event_hour.event_date_id)
    carl = desk.log_in("Coordinator", "carl")

    def queries(people: int) -> int:
        for household in factories.households(people):
            attendance.check_in(b.register(household, slot), by=b.STAFF)
        return len(b.statements(lambda: carl.get(f"{desk.LIST}{path}")))

    queries(1)
    assert queries(1) == queries(40)
