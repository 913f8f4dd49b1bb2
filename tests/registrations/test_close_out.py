"""Closing out a day, and undoing exactly what one close-out wrote."""

from functools import partial
from typing import Any

import pytest
import time_machine

from audit.models import AuditEvent
from registrations.errors import Busy, DayNotOver, DayUnknown, NotToday
from registrations.models import EventRegistration
from registrations.queries import close_outs
from registrations.services import attendance, closing, facts
from schedules.models import EventDate, EventSlot
from tests.registrations.test_attendance_days import public_down
from tests.support import booking as b
from tests.support import factories

BY = b.STAFF
AT_NINE = factories.NOON.replace(hour=9)


@pytest.fixture
def slot() -> EventSlot:
    """Today, from 9:30 to 9:45: over at noon."""
    slot: EventSlot = factories.slot_today(capacity=50)
    return slot


def _booked(slot: EventSlot, count: int) -> list[EventRegistration]:
    return [b.register(household, slot) for household in factories.households(count)]


def _date_id(slot: EventSlot) -> int:
    return slot.event_hour.event_date_id


def _statuses(rows: list[EventRegistration]) -> list[str]:
    return [b.status_of(row) for row in rows]


def _call(service: Any, row: EventRegistration) -> Any:
    return service(EventRegistration.objects.get(pk=row.pk), by=BY)


# Not without knowing the day ------------------------------------------------------------


@pytest.mark.real_commits
def test_without_public_nothing_is_closed_out(slot: EventSlot) -> None:
    (row,) = _booked(slot, 1)

    with public_down(), pytest.raises(DayUnknown):
        closing.close_out(_date_id(slot), before_end=True, by=BY)

    assert b.status_of(row) == "confirmed"


def test_a_date_that_is_gone_is_not_closed_out(slot: EventSlot) -> None:
    (row,) = _booked(slot, 1)
    EventDate.objects.all().delete()

    with pytest.raises(DayUnknown, match="no longer has this date"):
        closing.close_out(row.event_date_id or 0, before_end=True, by=BY)

    assert b.status_of(row) == "confirmed"


def test_a_day_to_come_is_not_closed_out() -> None:
    slot = factories.EventSlotFactory()
    (row,) = _booked(slot, 1)

    with pytest.raises(NotToday):
        closing.close_out(_date_id(slot), before_end=True, by=BY)

    assert b.status_of(row) == "confirmed"


@pytest.mark.parametrize(
    ("start", "end", "ends"), [(930, 945, "9:45 a.m"), (1200, 1300, "1 p.m"), (1500, 2400, "midn")]
)
def test_before_the_last_slot_has_ended_it_asks_again(start: int, end: int, ends: str) -> None:
    slot = factories.slot_today(start_time_key=800, end_time_key=815)
    factories.EventSlotFactory(event_hour=slot.event_hour, start_time_key=start, end_time_key=end)
    (row,) = _booked(slot, 1)

    with time_machine.travel(AT_NINE):
        with pytest.raises(DayNotOver, match=f"it ends at {ends}"):
            closing.close_out(_date_id(slot), by=BY)
        assert b.status_of(row) == "confirmed"
        closing.close_out(_date_id(slot), before_end=True, by=BY)

    assert b.status_of(row) == "no_show"


@pytest.mark.parametrize(("now", "asks"), [(11, True), (12, False)])
def test_a_date_without_slots_ends_at_its_own_time(now: int, asks: bool) -> None:
    day = factories.EventDateFactory(event_date_key=factories.in_days(0), end_time_key=1200)
    b.register(factories.households(1)[0], day)

    with time_machine.travel(factories.NOON.replace(hour=now)):
        if asks:
            with pytest.raises(DayNotOver):
                closing.close_out(day.pk, by=BY)
        else:
            assert closing.close_out(day.pk, by=BY).marked == 1


def test_a_day_without_times_ends_at_midnight(slot: EventSlot) -> None:
    EventSlot.objects.update(start_time_key=0, end_time_key=0)
    _booked(slot, 1)

    with time_machine.travel(factories.NOON.replace(hour=23)), pytest.raises(DayNotOver):
        closing.close_out(_date_id(slot), by=BY)


def test_a_past_day_is_closed_out_at_once(slot: EventSlot) -> None:
    (row,) = _booked(slot, 1)
    EventDate.objects.update(event_date_key=factories.in_days(-2))

    assert closing.close_out(_date_id(slot), by=BY).marked == 1
    assert b.status_of(row) == "no_show"


# Undone ---------------------------------------------------------------------------------


def test_undo_expects_again_whom_this_close_out_marked_and_nobody_else(slot: EventSlot) -> None:
    rows = _booked(slot, 5)
    before, marked, late, back, _ = rows
    _call(attendance.mark_no_show, before)
    closed = closing.close_out(_date_id(slot), by=BY)
    assert closed.marked == 4
    _call(attendance.check_in, late)
    _call(attendance.check_in, back)
    _call(attendance.undo_check_in, back)
    _call(attendance.mark_no_show, back)  # by hand: no longer the close-out's

    assert [each.marked for each in close_outs.of_date(_date_id(slot))] == [2]
    undone = closing.undo_close_out(_date_id(slot), close_out_id=closed.id, by=BY)

    assert undone == 2
    assert _statuses(rows) == ["no_show", "confirmed", "checked_in", "no_show", "confirmed"]
    assert close_outs.of_date(_date_id(slot)) == []
    events = AuditEvent.objects.filter(registration_id=marked.pk).order_by("pk")
    assert [event.action for event in events] == ["registered", "no_show", "no_show_undone"]
    assert [event.details.get("close_out") for event in events] == [None, closed.id, closed.id]
    assert events[2].actor_id == "99"
    assert closing.undo_close_out(_date_id(slot), close_out_id=closed.id, by=BY) == 0
    assert b.drift() == {}


def test_each_close_out_is_undone_by_itself(slot: EventSlot) -> None:
    early = _booked(slot, 2)
    first = closing.close_out(_date_id(slot), by=BY)
    again, late = early[0], _booked(slot, 1)[0]
    _call(attendance.check_in, again)
    _call(attendance.undo_check_in, again)
    second = closing.close_out(_date_id(slot), by=b.STAFF)
    assert (first.marked, second.marked) == (2, 2)

    listed = close_outs.of_date(_date_id(slot))
    assert [(each.id, each.marked) for each in listed] == [(second.id, 2), (first.id, 1)]
    assert closing.undo_close_out(_date_id(slot), close_out_id=first.id, by=BY) == 1

    assert _statuses([*early, late]) == ["no_show", "confirmed", "no_show"]


def test_the_undoing_of_another_date_or_close_out_changes_nothing(slot: EventSlot) -> None:
    (row,) = _booked(slot, 1)
    closed = closing.close_out(_date_id(slot), by=BY)

    for date_id, close_out_id in (
        (_date_id(slot) + 1, closed.id),
        (_date_id(slot), ""),
        (_date_id(slot), "x"),
    ):
        assert closing.undo_close_out(date_id, close_out_id=close_out_id, by=BY) == 0
    assert b.status_of(row) == "no_show"


@pytest.mark.real_commits
@pytest.mark.parametrize("is_undone", [False, True])
def test_what_stops_halfway_goes_on_with_the_next_call(
    is_undone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = factories.slot_today(capacity=50)
    rows = _booked(slot, 7)
    close = partial(closing.close_out, _date_id(slot), before_end=True, by=BY)
    run: Any = close
    if is_undone:
        run = partial(closing.undo_close_out, _date_id(slot), close_out_id=close().id, by=BY)
    monkeypatch.setattr(closing, "BATCH", 2)
    real, written = facts.record, []

    def stops(*args: Any, **details: Any) -> None:
        if len(written) == 3:
            raise Busy
        written.append(args)
        real(*args, **details)

    with monkeypatch.context() as patch:
        patch.setattr(facts, "record", stops)
        with pytest.raises(Busy):
            run()
    done = "confirmed" if is_undone else "no_show"
    assert _statuses(rows).count(done) == 2  # the first batch; the second was rolled back

    run()

    assert set(_statuses(rows)) == {done}
    assert AuditEvent.objects.filter(action="no_show").count() == 7
    assert AuditEvent.objects.filter(action="no_show_undone").count() == (7 if is_undone else 0)


@pytest.mark.mariadb
@pytest.mark.real_commits
def test_undoing_never_takes_back_a_check_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latecomers check in while a close-out is undone: every check-in stands."""
    slot = factories.slot_today(capacity=60)
    rows = _booked(slot, 60)
    closed = closing.close_out(_date_id(slot), before_end=True, by=BY)
    monkeypatch.setattr(closing, "BATCH", 10)

    def check_all_in() -> None:
        for row in reversed(rows):
            _call(attendance.check_in, row)

    undo = partial(closing.undo_close_out, _date_id(slot), close_out_id=closed.id, by=BY)
    b.in_parallel(check_all_in, undo, undo)

    assert set(_statuses(rows)) == {"checked_in"}
    undone = AuditEvent.objects.filter(action="no_show_undone")
    assert undone.values("registration_id").distinct().count() == undone.count()
    assert b.drift() == {}


def test_the_list_of_close_outs_takes_two_queries(slot: EventSlot) -> None:
    def queries(count: int) -> int:
        _booked(slot, count)
        closing.close_out(_date_id(slot), by=BY)
        return len(b.statements(lambda: close_outs.of_date(_date_id(slot))))

    assert queries(1) == queries(20) == 2
