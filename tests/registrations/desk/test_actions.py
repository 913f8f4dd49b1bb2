"""What staff do to registrations: a page first says what will happen, then the service does it."""

from typing import Any

import pytest
from django.db import OperationalError, connections

from audit.models import AuditEvent, CheckIn
from freshtrak.databases import PUBLIC
from registrations.desk import confirmation
from registrations.models import EventRegistration, EventStatus
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import desk, factories


def test_check_in_undo_and_no_show() -> None:
    registration = b.register(factories.households(1)[0], factories.slot_today())
    anna = desk.log_in("Front desk")

    preview = desk.act(anna, "check_in", registration)
    assert "No counter moves" in preview
    assert b.status_of(registration) == "confirmed"

    assert "1 checked in." in desk.confirm(anna, "check_in", registration)
    assert "Already checked in by anna at" in desk.confirm(anna, "check_in", registration)
    assert "1 check-in undone." in desk.confirm(anna, "undo_check_in", registration)
    assert "1 marked as no-show." in desk.confirm(anna, "mark_no_show", registration)
    assert b.status_of(registration) == "no_show"
    assert CheckIn.objects.count() == 2
    assert AuditEvent.objects.filter(actor_kind="staff").count() == 3


def test_cancel_says_what_it_will_do_and_does_it() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    households = [factories.HouseholdFactory(name=name) for name in ("Abe", "Bea", "Cid")]
    one, other, waits = (b.register(household, slot) for household in households)
    coordinator = desk.log_in("Coordinator")

    preview = desk.act(coordinator, "cancel", one, other)
    result = desk.confirm(coordinator, "cancel", one, other)

    assert f"9:30 a.m.–9:45 a.m. 2 → 1 Cid {waits.confirmation_code}" in preview
    assert "2 cancelled." in result
    assert f"Moved up from the waitlist: Cid ({waits.confirmation_code}, 9:30 a.m.)." in result
    assert b.status_of(waits) == "confirmed"
    assert b.reserved(slot) == 1
    assert b.drift() == {}


def test_a_refused_registration_does_not_hold_up_the_others() -> None:
    slot = factories.slot_today(capacity=2)
    here, away = (b.register(household, slot) for household in factories.households(2))
    coordinator = desk.log_in("Coordinator")
    desk.confirm(coordinator, "check_in", here)

    preview = desk.act(coordinator, "cancel", here, away)
    result = desk.confirm(coordinator, "cancel", here, away)

    assert "Already checked in: this will be refused." in preview
    assert here.confirmation_code in result
    assert "1 cancelled." in result
    assert [b.status_of(here), b.status_of(away)] == ["checked_in", "cancelled"]
    assert b.drift() == {}


def test_who_moved_up_by_another_request_is_not_announced() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    one, waits, waits_too = (b.register(household, slot) for household in factories.households(3))
    coordinator = desk.log_in("Coordinator")

    b.cancel(one)
    result = desk.confirm(coordinator, "cancel", waits_too)

    assert b.status_of(waits) == "confirmed"
    assert "1 cancelled." in result
    assert "Moved up" not in result


def test_promote_takes_the_head_of_the_waitlist_whichever_is_selected() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    households = [factories.HouseholdFactory(name=name) for name in ("Abe", "Bea", "Cid")]
    head, second, third = (b.register(household, slot) for household in households)
    EventSlot.objects.update(capacity=2)
    coordinator = desk.log_in("Coordinator")

    preview = desk.act(coordinator, "promote", third)
    result = desk.confirm(coordinator, "promote", third)

    assert "0 → 2" in preview
    assert "Stays number 3 on the waitlist." in preview
    assert f"Abe {head.confirmation_code} , Bea {second.confirmation_code}" in preview
    assert "2 promoted: Abe, Bea." in result
    assert [b.status_of(row) for row in (head, second, third)] == [
        "confirmed",
        "confirmed",
        "waitlisted",
    ]
    assert b.drift() == {}


def test_promote_without_a_free_place_says_so() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    waits = b.register(factories.households(1)[0], slot)
    coordinator = desk.log_in("Coordinator")

    assert "Stays number 1 on the waitlist." in desk.act(coordinator, "promote", waits)
    assert "Nobody was promoted" in desk.confirm(coordinator, "promote", waits)
    assert b.status_of(waits) == "waitlisted"


def test_an_action_on_a_registrations_page_leads_back_to_it(household: Any) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    coordinator = desk.log_in("Coordinator")
    own = f"{desk.LIST}{registration.pk}/change/"
    data = {"action": "cancel", "_selected_action": [registration.pk], "confirmed": "yes"}

    back = coordinator.post(desk.LIST, {**data, "next": own})
    elsewhere = coordinator.post(desk.LIST, {**data, "next": "https://elsewhere.example/"})

    assert back.headers["Location"] == own
    assert elsewhere.headers["Location"] == desk.LIST


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "MAX_ROWS", 1)
    slot = factories.EventSlotFactory(capacity=2)
    rows = [b.register(household, slot) for household in factories.households(2)]

    result = desk.confirm(desk.log_in("Coordinator"), "cancel", *rows)

    assert "Choose at most 1 at a time" in result
    assert {b.status_of(row) for row in rows} == {"confirmed"}


def test_a_registration_without_slot_or_date_is_left_alone(household: Any) -> None:
    confirmed = EventStatus.objects.get(name="confirmed")
    odd = EventRegistration.objects.create(household=household, event_status=confirmed)
    carl = desk.log_in("Coordinator")

    for action in ("cancel", "move", "promote", "check_in"):
        assert "has no slot or date" in desk.confirm(carl, action, odd)
    assert b.status_of(odd) == "confirmed"


@pytest.mark.real_commits
def test_without_public_pages_open_and_refusals_say_why() -> None:
    registration = b.register(factories.households(1)[0], factories.EventSlotFactory())
    coordinator = desk.log_in("Coordinator")

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        listed = desk.page(coordinator, "")
        own = desk.page(coordinator, f"{registration.pk}/change/")
        preview = desk.act(coordinator, "cancel", registration)
        result = desk.confirm(coordinator, "cancel", registration)
        moving = desk.act(coordinator, "move", registration)
        promoting = desk.act(coordinator, "promote", registration)
        checked_in = desk.confirm(coordinator, "check_in", registration)

    for page in (listed, own, preview, moving):
        assert "schedules are temporarily unavailable" in page
    assert "A database does not answer. Nothing was changed" in result
    assert "not waiting" in promoting
    assert "1 checked in." in checked_in
    assert b.drift() == {}


def test_who_is_cancelled_from_the_waitlist_is_not_announced_as_promoted() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    households = [factories.HouseholdFactory(name=name) for name in ("Abe", "Bea", "Cid")]
    has_place, chosen, waits = (b.register(household, slot) for household in households)
    carl = desk.log_in("Coordinator")

    preview = desk.act(carl, "cancel", has_place, chosen)
    desk.confirm(carl, "cancel", has_place, chosen)

    assert f"1 → 1 Cid {waits.confirmation_code}" in preview
    assert [b.status_of(row) for row in (has_place, chosen, waits)] == [
        "cancelled",
        "cancelled",
        "confirmed",
    ]
    assert AuditEvent.objects.filter(action="promoted").count() == 1
    assert b.drift() == {}


def test_who_waits_for_a_whole_date_is_told_to_choose_a_slot() -> None:
    day = factories.EventDateFactory(capacity=0)
    waits = b.register(factories.households(1)[0], day)
    EventDate.objects.filter(pk=day.pk).update(capacity=5)
    factories.EventSlotFactory(event_hour__event_date=day)
    carl = desk.log_in("Coordinator")

    preview = desk.act(carl, "promote", waits)
    result = desk.confirm(carl, "promote", waits)
    on_the_day = desk.page(carl, desk.day(day))
    listed = desk.page(carl, "", event_date_id=day.pk, event_slot_id__isnull="True")

    assert "The date has time slots by now: move the household to one of them." in preview
    assert "Nobody was promoted" in result
    assert "1 household registered for this date before it had time slots" in on_the_day
    assert waits.confirmation_code in listed
    assert b.status_of(waits) == "waitlisted"
