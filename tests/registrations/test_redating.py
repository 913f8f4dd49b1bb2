"""Registrations follow an hour that PantryTrak moves to another date."""

import json
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit import wording
from audit.models import AuditEvent
from registrations.models import EventRegistration
from registrations.services import attendance, redating
from schedules.models import EventDate, EventHour, EventSlot
from tests.support import booking as b
from tests.support import factories
from tests.support.victims import kill_at


def _run(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile_reserved", *options, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def _move_hour(slot: EventSlot) -> EventDate:
    """PantryTrak moves the slot's hour to another date of another event."""
    new: EventDate = factories.EventDateFactory(event_date_key=factories.in_days(9))
    EventHour.objects.filter(pk=slot.event_hour_id).update(event_date=new)
    return new


def _dates(rows: list[EventRegistration]) -> list[tuple[int | None, int | None]]:
    fresh = [EventRegistration.objects.get(pk=row.pk) for row in rows]
    return [(row.event_date_id, row.event_id) for row in fresh]


def test_check_reports_them_and_fix_moves_them_with_both_counters() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    old = slot.event_hour.event_date
    rows = [b.register(household, slot) for household in factories.households(3)]
    new = _move_hour(slot)

    status, checked = _run("--check")
    untouched = _dates(rows)
    _, found = _run("--check", "--json")
    _, fixed = _run("--fix", "--allowance=0")

    assert status == 1
    moved_along = (
        f"registration {rows[0].pk} on date {old.pk}: slot {slot.pk} lies on date {new.pk}"
    )
    assert f"{moved_along} now; --fix moves it along" in checked
    assert json.loads(found)[0] == {
        "registration_id": rows[0].pk,
        "household_id": rows[0].household_id,
        "event_slot_id": slot.pk,
        "event_date_id": old.pk,
        "now_on": new.pk,
        "blocked_by": None,
    }
    assert untouched == [(old.pk, old.event_id)] * 3
    assert f"{moved_along} now; is moved along" in fixed
    assert _dates(rows) == [(new.pk, new.event_id)] * 3
    assert [b.reserved(row) for row in (slot, old, new)] == [2, 0, 2]
    assert b.status_of(rows[2]) == "waitlisted"
    assert b.drift() == {}
    assert _run("--check") == (0, "No drift.\n")


def test_the_trail_says_what_happened_to_the_counters_of_both_dates() -> None:
    slot = factories.EventSlotFactory()
    row = b.register(factories.households(1)[0], slot)
    old, new = slot.event_hour.event_date_id, _move_hour(slot).pk

    redating.follow([slot.pk], fix=True)

    events = AuditEvent.objects.filter(registration_id=row.pk).order_by("pk")[1:]
    assert [(e.action, e.event_date_id, e.delta, e.actor_kind) for e in events] == [
        ("moved_from", old, -1, "system"),
        ("moved_to", new, 1, "system"),
    ]
    assert {wording.notes(event) for event in events} == {
        "PantryTrak moved the hour to another day; the registration follows."
    }


def test_a_household_that_has_another_one_there_stays_and_is_reported() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    blocked, free = factories.households(2)
    rows = [b.register(household, slot) for household in (blocked, free)]
    old, new = slot.event_hour.event_date_id, _move_hour(slot)
    other = b.register(blocked, factories.EventSlotFactory(event_hour__event_date=new))

    _, fixed = _run("--fix", "--allowance=0")

    assert f"stays: the household has registration {other.pk} there; cancel one" in fixed
    assert [date for date, _ in _dates(rows)] == [old, new.pk]
    assert b.drift() == {}
    b.cancel(other)
    _run("--fix", "--allowance=0")
    assert [date for date, _ in _dates(rows)] == [new.pk, new.pk]
    assert b.drift() == {}


def test_a_visit_stays_on_the_day_on_which_it_happened() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    rows = [b.register(household, slot) for household in factories.households(2)]
    attendance.check_in(rows[0], override_reason="early", by=b.STAFF)
    b.cancel(rows[1])
    _move_hour(slot)

    assert redating.follow([slot.pk], fix=True) == []
    assert _run("--check")[0] == 0


def test_a_slot_whose_hour_is_gone_moves_nobody() -> None:
    slot = factories.EventSlotFactory()
    b.register(factories.households(1)[0], slot)
    EventSlot.objects.filter(pk=slot.pk).update(event_hour_id=1)

    assert redating.follow([slot.pk], fix=True) == []


@pytest.mark.real_commits
def test_redating_twice_at_once_while_others_cancel_and_book_keeps_both_dates_exact() -> None:
    slot = factories.EventSlotFactory(capacity=6)
    rows = [b.register(household, slot) for household in factories.households(8)]
    new = _move_hour(slot)
    elsewhere = factories.EventSlotFactory(event_hour__event_date=new, capacity=9)
    *newcomers, late = factories.households(4)

    def redate() -> list[Any]:
        return redating.follow([slot.pk], fix=True)

    def others() -> None:
        for row, household in zip(rows[:3], newcomers, strict=True):
            b.cancel(row)
            b.register(household, slot)

    b.in_parallel(redate, redate, others, partial(b.register, late, elsewhere))
    redate()

    assert {date for date, _ in _dates(rows[3:])} == {new.pk}
    assert b.drift() == {}
    assert b.pending() == 0


@pytest.mark.real_commits
@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_a_process_killed_while_redating_leaves_both_dates_to_be_settled(point: str) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    old = slot.event_hour.event_date
    rows = [b.register(household, slot) for household in factories.households(3)]
    new = _move_hour(slot)

    kill_at(point, "reconcile")  # its first public commit moves the two dates
    b.settle_all()

    assert {date for date, _ in _dates(rows)} == {new.pk}
    assert [b.reserved(row) for row in (slot, old, new)] == [2, 0, 2]
    assert (b.drift(), b.pending(), b.ambiguities()) == ({}, 0, 0)
