"""The pages on which staff give places to those who wait."""

from typing import Any

import pytest
from django.db import OperationalError, connections

from audit.models import AuditEvent
from freshtrak.databases import PUBLIC
from registrations.models import EventRegistration
from registrations.services import attendance
from schedules.models import EventDate, EventHour, EventSlot
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def hour() -> EventHour:
    """Of today, and booking is closed once `_close` is called."""
    made: EventHour = factories.EventHourFactory(
        event_date__event_date_key=factories.in_days(0), event_date__event__event_name="Gate"
    )
    return made


def _slot(hour: EventHour, start: int = 1000, capacity: int = 0) -> EventSlot:
    made: EventSlot = factories.EventSlotFactory(
        event_hour=hour, capacity=capacity, start_time_key=start, end_time_key=start + 15
    )
    return made


def _book(slot: EventSlot, *names: str) -> list[EventRegistration]:
    return [b.register(factories.HouseholdFactory(name=name, size=2), slot) for name in names]


def _close(slot: EventSlot, capacity: int) -> None:
    EventSlot.objects.filter(pk=slot.pk).update(capacity=capacity)
    EventDate.objects.update(accept_reservations=0)


def _path(registration: EventRegistration) -> str:
    return f"days/{registration.event_date_id}/places/{registration.pk}/"


def _members(registration: EventRegistration) -> list[int | None]:
    return list(registration.attendees.values_list("household_member_id", flat=True))


def test_the_day_says_where_somebody_waits_and_a_place_is_free(hour: EventHour) -> None:
    slot, absent_at, full = _slot(hour), _slot(hour, 1015, capacity=1), _slot(hour, 1030)
    _book(slot, "Abe", "Bea")
    (absent,) = _book(absent_at, "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    _book(absent_at, "Dora")
    _book(full, "Eve")
    anna = desk.log_in("Front desk")
    assert "Give places" in desk.page(anna, desk.day(hour.event_date))

    _close(slot, 1)
    page = desk.page(anna, desk.day(hour.event_date))
    counters = desk.page(anna, f"{desk.day(hour.event_date)}counters/")

    for shown in (page, counters):
        assert "2 wait at 10 a.m. and 1 place is free" in shown
        assert "1 waits at 10:15 a.m. and 1 did not come" in shown
        assert "1 waits at 10:30 a.m. and 1 place is free at other times" in shown
        assert "Give places" in shown
    assert page.count("Give a place and check in") == 4  # one on each row that waits
    EventSlot.objects.update(capacity=0)
    EventDate.objects.update(event_date_key=factories.in_days(-1))
    assert "Give places" not in desk.page(anna, desk.day(hour.event_date))


def test_nothing_is_said_where_nothing_can_be_given(hour: EventHour) -> None:
    _book(_slot(hour), "Abe")

    assert "Give places" not in desk.page(desk.log_in("Front desk"), desk.day(hour.event_date))


def test_the_places_page_lists_who_waits_and_who_did_not_come(hour: EventHour) -> None:
    slot = _slot(hour, capacity=1)
    (absent,) = _book(slot, "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    head, _ = _book(slot, "Abe", "Bea")
    _close(slot, 2)

    shown = desk.page(desk.log_in("Front desk"), f"{desk.day(hour.event_date)}places/")
    coordinator = desk.page(
        desk.log_in("Coordinator", "carl"), f"{desk.day(hour.event_date)}places/"
    )

    assert "10 a.m.–10:15 a.m.: 2 wait, 1 place is free" in shown
    assert f"1. Abe {head.confirmation_code} · 2 expected Give a place and check in" in shown
    assert f"Did not come Cid {absent.confirmation_code} Give this place to the next…" in shown
    assert "Promote without a check-in" not in shown
    assert "Promote without a check-in" in coordinator


def test_a_place_is_given_and_the_household_checked_in(hour: EventHour) -> None:
    slot, later = _slot(hour), _slot(hour, 1100, capacity=3)
    head, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    anna = desk.log_in("Front desk")
    first, _ = _members(head)

    offered = desk.page(anna, _path(head))
    of_second = desk.page(anna, _path(second))
    result = desk.post(anna, _path(head), target=f"slot-{slot.pk}", attendees=[first])

    assert offered.index("10 a.m.–10:15 a.m. (waits here)") < offered.index("11 a.m.–11:15 a.m.")
    assert "needs a reason" not in offered
    assert "(waits here) 1 free · 1 waited longer, needs a reason" in of_second
    assert f"{head.confirmation_code} ✓ checked in at" in result
    record = AuditEvent.objects.get(action="checked_in")
    assert (record.registration_id, record.details["attendees"]) == (head.pk, [first])
    assert (b.reserved(slot), b.reserved(later), b.drift()) == (1, 0, {})


def test_refusals_stand_at_their_field_and_change_nothing(hour: EventHour) -> None:
    slot = _slot(hour)
    _, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    anna, place = desk.log_in("Front desk"), {"target": f"slot-{slot.pk}"}
    place |= {"attendees": _members(second)}  # type: ignore[dict-item]

    unreasoned = desk.post(anna, _path(second), **place)
    nobody = desk.post(anna, _path(second), target=f"slot-{slot.pk}", reason="Ill")
    assert "Others have waited longer" in unreasoned
    assert "Name at least one attendee." in nobody
    assert b.status_of(second) == "waitlisted"
    reasoned = desk.post(anna, _path(second), **place, reason="Ill")
    again = desk.post(anna, _path(second), **place, reason="Ill")

    assert "✓ checked in at" in reasoned
    assert "Bea: Already checked in by anna at" in again
    trail = desk.log_in("Coordinator", "carl").get(
        f"/admin/audit/auditevent/{AuditEvent.objects.get(action='promoted').pk}/change/"
    )
    assert "1 household had waited longer. Reason: Ill" in desk.text_of(trail)
    assert b.drift() == {}


def test_a_place_that_was_just_taken_says_so(hour: EventHour) -> None:
    slot, other = _slot(hour), _slot(hour, 1100)
    (head,) = _book(slot, "Abe")
    _close(other, 1)
    anna = desk.log_in("Front desk")
    place = {"target": f"slot-{slot.pk}", "attendees": _members(head)}

    taken = desk.post(anna, _path(head), **place)
    EventSlot.objects.update(capacity=0)
    none = desk.page(anna, _path(head))

    assert "No place is free at that time any more. Choose another." in taken
    assert "No place is free on this day." in none


def test_only_on_the_day_and_only_for_who_waits(hour: EventHour) -> None:
    slot = _slot(hour, capacity=1)
    confirmed, waits = _book(slot, "Abe", "Bea")
    elsewhere = b.register(factories.households(1)[0], factories.EventSlotFactory())
    anna = desk.log_in("Front desk")

    assert "Abe: Does not wait any more, but is confirmed." in desk.page(anna, _path(confirmed))
    wrong_day = f"days/{waits.event_date_id}/places/{elsewhere.pk}/"
    assert "was moved to another date" in desk.page(anna, wrong_day)
    EventDate.objects.update(event_date_key=factories.in_days(1))
    assert "on the day itself" in desk.page(anna, _path(waits))
    assert "Give a place and check in" not in desk.page(anna, desk.day(hour.event_date))


def test_the_action_of_the_list_leads_to_the_page_of_one(hour: EventHour) -> None:
    slot = _slot(hour)
    one, other = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    anna = desk.log_in("Front desk")

    assert "Which place?" in desk.act(anna, "give_place", one)
    assert "Choose one registration" in desk.act(anna, "give_place", one, other)
    assert "Give a place and check in…" in desk.page(anna, f"{one.pk}/change/")


def test_the_place_of_a_no_show_is_given_with_a_reason(hour: EventHour) -> None:
    slot = _slot(hour, capacity=1)
    (absent,) = _book(slot, "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    (head,) = _book(slot, "Abe")
    anna = desk.log_in("Front desk")
    where = f"{desk.LIST}days/{absent.event_date_id}/places/"

    preview = desk.act(anna, "pass_on", absent, head)
    unreasoned = desk.confirm(anna, "pass_on", absent)
    assert b.status_of(absent) == "no_show"
    result = desk.confirm(anna, "pass_on", absent, reason="Did not come by 11", next=where)

    gets_it = f"Is cancelled, and Abe ({head.confirmation_code}) gets the place."
    assert gets_it in preview
    assert "Is waitlisted, not a no-show: this will be refused." in preview
    assert gets_it in unreasoned
    assert f"Abe ({head.confirmation_code}) has the place of Cid now." in result
    assert [b.status_of(row) for row in (absent, head)] == ["cancelled", "confirmed"]
    trail = desk.log_in("Coordinator", "carl").get(
        f"/admin/audit/auditevent/{AuditEvent.objects.get(action='cancelled').pk}/change/"
    )
    assert "It was a no-show" in desk.text_of(trail)
    assert "Reason: Did not come by 11" in desk.text_of(trail)
    assert b.drift() == {}


def test_nobody_to_give_it_to(hour: EventHour) -> None:
    (absent,) = _book(_slot(hour, capacity=1), "Cid")
    attendance.mark_no_show(absent, by=b.STAFF)
    anna = desk.log_in("Front desk")

    assert "Nobody waits at this time" in desk.act(anna, "pass_on", absent)
    assert "Nobody waits at this time" in desk.confirm(anna, "pass_on", absent, reason="Gone")
    assert b.status_of(absent) == "no_show"


def test_promotion_after_closing_asks_for_a_reason(hour: EventHour) -> None:
    slot = _slot(hour)
    head, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    carl = desk.log_in("Coordinator")

    preview = desk.act(carl, "promote", second)
    unreasoned = desk.confirm(carl, "promote", second)
    assert b.status_of(head) == "waitlisted"
    result = desk.confirm(carl, "promote", second, reason="One place more")

    for shown in (preview, unreasoned):
        assert "Booking is closed: say why" in shown
        assert "0 → 1" in shown
        assert "Stays number 2 on the waitlist." in shown
    assert "1 promoted: Abe." in result
    assert [b.status_of(head), b.status_of(second)] == ["confirmed", "waitlisted"]
    assert AuditEvent.objects.get(action="promoted").details["override_reason"] == "One place more"
    assert b.drift() == {}


def test_a_check_in_from_the_list_takes_the_free_place(hour: EventHour) -> None:
    slot = _slot(hour)
    head, second = _book(slot, "Abe", "Bea")
    _close(slot, 1)
    anna = desk.log_in("Front desk")

    assert "Gets a place and is checked in, on the day" in desk.act(anna, "check_in", head)
    result = desk.confirm(anna, "check_in", head, second)

    assert "1 checked in." in result
    assert [b.status_of(head), b.status_of(second)] == ["checked_in", "waitlisted"]
    assert b.drift() == {}


@pytest.mark.real_commits
def test_without_public_the_pages_say_why(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _book(slot, "Abe")
    _close(slot, 1)
    anna = desk.log_in("Front desk")

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        places = desk.page(anna, f"{desk.day(hour.event_date)}places/")
        own = desk.page(anna, _path(head))
        day = desk.page(anna, desk.day(hour.event_date))
        touched = desk.post(anna, f"{desk.day(hour.event_date)}check-in/", registration=head.pk)

    for page in (places, own, day):
        assert "schedules are temporarily unavailable" in page
    assert "Give a place and check in" not in day
    assert "A database does not answer. Nothing was changed" in touched
    assert b.status_of(head) == "waitlisted"


def test_the_places_page_runs_a_fixed_number_of_queries(hour: EventHour) -> None:
    slot = _slot(hour, capacity=0)
    _close(slot, 1)
    EventDate.objects.update(accept_reservations=1)
    anna = desk.log_in("Front desk")

    def queries(people: int) -> int:
        EventSlot.objects.update(capacity=0)
        for household in factories.households(people):
            b.register(household, slot)
        EventSlot.objects.update(capacity=1)
        path = f"{desk.day(hour.event_date)}places/"
        return len(b.statements(lambda: desk.page(anna, path)))

    queries(2)
    assert queries(1) == queries(30)
