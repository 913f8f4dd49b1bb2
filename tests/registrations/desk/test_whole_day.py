"""The pages that change a whole day: what they say is what happens."""

from typing import Any

import pytest
from django.db import OperationalError, connections

from freshtrak.databases import PUBLIC
from registrations.models import Delay, EventRegistration
from registrations.services import attendance, whole_day
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def day() -> EventDate:
    return factories.EventDateFactory(event__event_name="Gate")


@pytest.fixture
def slots(day: EventDate) -> list[EventSlot]:
    hour = factories.EventHourFactory(event_date=day)
    return [
        factories.EventSlotFactory(event_hour=hour, capacity=2, start_time_key=start)
        for start in (900, 930, 1000)
    ]


def _path(day: EventDate, page: str) -> str:
    return f"{desk.day(day)}{page}/"


LATER = {"since": "09:00", "minutes": "30", "reason": "late truck", "number": "1"}


def _slots_of(rows: list[EventRegistration]) -> list[int | None]:
    return [EventRegistration.objects.get(pk=row.pk).event_slot_id for row in rows]


def test_delay_step_by_step(day: EventDate, slots: list[EventSlot]) -> None:
    rows = [b.register(household, slots[0]) for household in factories.households(3)]
    stays = b.register(factories.HouseholdFactory(name="Zoe"), slots[2])
    carl = desk.log_in("Coordinator")

    form = desk.page(carl, _path(day, "delay"))
    preview = desk.post(carl, _path(day, "delay"), **LATER)
    untouched = _slots_of(rows)
    result = desk.post(carl, _path(day, "delay"), **LATER, confirmed="yes")

    assert "9 a.m. on" in form
    assert "3 households move to later slots. 1 stays where it is: no slot in use starts" in preview
    assert "9 a.m. 9:30 a.m. 3, of whom 1 waits there 0 2 → 0" in preview
    assert "9:30 a.m. – 0 0 0 → 2" in preview
    assert "10 a.m. – 0 1 1 → 1" in preview
    assert f"Zoe {stays.confirmation_code}" in preview
    assert untouched == [slots[0].pk] * 3
    assert "3 households moved 30 minutes later." in result
    assert f"{stays.confirmation_code} (Zoe): no slot in use starts 30 minutes later" in result
    assert "by anna: everything from 9 a.m. on, 30 minutes later. Reason: late truck" in result
    assert "Continue with" not in result
    assert _slots_of(rows) == [slots[1].pk] * 3
    assert b.drift() == {}


def test_a_delay_that_ran_out_of_time_is_continued_from_its_page(
    day: EventDate, slots: list[EventSlot], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [b.register(household, slots[0]) for household in factories.households(2)]
    whole_day.delay(
        day.pk, since="09:00", minutes=30, number=1, reason="late", by=b.STAFF, seconds=-1
    )
    carl = desk.log_in("Coordinator")

    page = desk.page(carl, _path(day, "delay"))
    result = desk.post(carl, _path(day, "delay"), **LATER, confirmed="yes")

    assert "2 of those who were registered then have not moved yet. Continue with 2" in page
    assert "2 households moved 30 minutes later." in result
    assert _slots_of(rows) == [slots[1].pk] * 2


def test_the_second_of_two_coordinators_is_told_to_look_again(
    day: EventDate, slots: list[EventSlot]
) -> None:
    row = b.register(factories.households(1)[0], slots[0])
    carl, dana = desk.log_in("Coordinator", "carl"), desk.log_in("Coordinator", "dana")
    for client in (carl, dana):
        desk.post(client, _path(day, "delay"), **LATER)

    desk.post(carl, _path(day, "delay"), **LATER, confirmed="yes")
    longer = desk.post(dana, _path(day, "delay"), **{**LATER, "minutes": "60"}, confirmed="yes")
    same = desk.post(dana, _path(day, "delay"), **LATER, confirmed="yes")

    assert "Somebody else has just moved this day. Look at it again" in longer
    assert "by carl: everything from 9 a.m. on, 30 minutes later" in longer
    assert "Nothing was left to do." in same
    assert _slots_of([row]) == [slots[1].pk]
    assert Delay.objects.count() == 1


def test_delay_asks_for_a_time_minutes_and_a_reason(day: EventDate, slots: list[EventSlot]) -> None:
    carl = desk.log_in("Coordinator")

    refused = desk.post(carl, _path(day, "delay"), since="08:00", minutes="0", confirmed="yes")

    assert "Select a valid choice" in refused
    assert "greater than or equal to 1" in refused
    assert "This field is required" in refused
    assert not Delay.objects.exists()


def test_a_date_without_slots_cannot_be_delayed(day: EventDate) -> None:
    carl = desk.log_in("Coordinator")

    assert "This date has no time slots" in desk.page(carl, _path(day, "delay"))
    assert "no longer has this date" in desk.page(carl, "days/1/delay/")


def test_cancel_says_what_it_will_do_and_does_it(day: EventDate, slots: list[EventSlot]) -> None:
    rows = [b.register(household, slots[0]) for household in factories.households(3)]
    came = b.register(factories.households(1)[0], slots[1])
    attendance.check_in(came, override_reason="early", by=b.STAFF)
    carl = desk.log_in("Coordinator")

    preview = desk.page(carl, _path(day, "cancel"))
    without_reason = desk.post(carl, _path(day, "cancel"), reason=" ")
    untouched = {b.status_of(row) for row in rows}
    result = desk.post(carl, _path(day, "cancel"), reason="no truck")
    again = desk.page(carl, _path(day, "cancel"))

    assert "2 registrations with a place and 1 on the waitlist will be cancelled" in preview
    assert "1 who came or were marked as no-show stay as they are." in preview
    assert "9 a.m. 2 1 2 → 0" in preview
    assert "Booking for this date is open" in preview
    assert "This field is required." in without_reason
    assert untouched == {"confirmed", "waitlisted"}
    assert "3 households cancelled." in result
    assert {b.status_of(row) for row in rows} == {"cancelled"}
    assert b.status_of(came) == "checked_in"
    assert "Nobody who could be cancelled is registered on this date." in again
    assert b.drift() == {}


@pytest.mark.real_commits
def test_without_public_both_say_so_and_change_nothing() -> None:
    slot = factories.EventSlotFactory()
    row = b.register(factories.households(1)[0], slot)
    carl = desk.log_in("Coordinator")
    path = f"days/{row.event_date_id}/"

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        pages = [desk.page(carl, f"{path}delay/"), desk.page(carl, f"{path}cancel/")]
        done = desk.post(carl, f"{path}cancel/", reason="no truck")

    assert ["schedules are temporarily unavailable" in page for page in pages] == [True, True]
    assert "A database does not answer. What is done so far is kept" in done
    assert b.status_of(row) == "confirmed"
