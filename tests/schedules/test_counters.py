"""The lock, the counter and the marker. Tests of bookings cover the protocol above them."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from freshtrak.databases import PUBLIC
from schedules import counters
from schedules.counters import CounterRow, Marker, Movement, Verdict
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories

NOW = datetime(2026, 12, 1, 9, 30, 0, tzinfo=UTC)


def _seconds(ago: int) -> datetime:
    return NOW - timedelta(seconds=ago)


def _row(last_update: datetime | None, now: datetime = NOW) -> CounterRow:
    return CounterRow(Target.slot(1), capacity=5, reserved=2, last_update=last_update, now=now)


@pytest.mark.parametrize(
    ("seen", "written", "seen_was_past"),
    [
        (None, _seconds(1), True),
        (_seconds(60), _seconds(1), True),
        (_seconds(2), _seconds(1), True),
        (_seconds(1), _seconds(2), True),
        (NOW, _seconds(1), False),
        (NOW + timedelta(hours=1), _seconds(1), False),
    ],
)
def test_marker_is_in_the_past_and_differs_from_the_current_value(
    seen: datetime | None, written: datetime, seen_was_past: bool
) -> None:
    assert _row(seen).marker() == Marker(seen, written, seen_was_past)


@pytest.mark.parametrize(
    ("current", "seen", "seen_was_past", "now", "verdict"),
    [
        (_seconds(1), _seconds(9), True, NOW, Verdict.APPLIED),
        # Still the value seen, but a living owner may be about to mark the movement as applied.
        (_seconds(9), _seconds(9), True, NOW, Verdict.UNCLEAR),
        (_seconds(9), _seconds(9), True, NOW + timedelta(seconds=5), Verdict.UNCLEAR),
        (_seconds(9), _seconds(9), True, NOW + timedelta(seconds=6), Verdict.NOT_APPLIED),
        (None, None, True, NOW + timedelta(seconds=6), Verdict.NOT_APPLIED),
        # Another system wrote in the very second we read: it may have written again since.
        (NOW, NOW, False, NOW, Verdict.UNCLEAR),
        (NOW, NOW, False, NOW + timedelta(seconds=6), Verdict.AMBIGUOUS),
        (NOW, _seconds(9), True, NOW, Verdict.UNCLEAR),
        (NOW, _seconds(9), True, NOW + timedelta(seconds=5), Verdict.UNCLEAR),
        (NOW, _seconds(9), True, NOW + timedelta(seconds=6), Verdict.AMBIGUOUS),
        # The server's clock was set back an hour: the movement does not stay young for that long.
        (NOW, _seconds(9), True, NOW - timedelta(hours=1), Verdict.AMBIGUOUS),
    ],
)
def test_verdict_on_a_pending_movement(
    current: datetime | None,
    seen: datetime | None,
    seen_was_past: bool,
    now: datetime,
    verdict: Verdict,
) -> None:
    marker = Marker(seen, _seconds(1), seen_was_past)

    assert _row(current, now).verdict_on(marker) is verdict


def test_targets_sort_in_the_order_of_locking() -> None:
    targets = [Target.date(1), Target.slot(9), Target.slot(2)]

    assert sorted(targets) == [Target.slot(2), Target.slot(9), Target.date(1)]


def test_lock_reads_one_row_of_one_table_as_the_first_statement() -> None:
    slot = factories.EventSlotFactory(capacity=3, reserved=1)

    with CaptureQueriesContext(connections[PUBLIC]) as captured:
        locked = counters.lock(Target.slot(slot.pk))

    (query,) = captured.captured_queries
    assert "JOIN" not in query["sql"]
    assert locked is not None
    assert (locked.capacity, locked.reserved, locked.last_update) == (3, 1, None)


def test_lock_of_a_deleted_row_is_none() -> None:
    assert counters.lock(Target.slot(1)) is None
    assert counters.lock(Target.date(1)) is None


@pytest.mark.mariadb  # SQLite has no FOR UPDATE
@pytest.mark.real_commits
def test_lock_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        counters.lock(Target.slot(1))


def test_move_is_relative_and_leaves_the_marker() -> None:
    slot = factories.EventSlotFactory(reserved=1)
    locked = counters.lock(Target.slot(slot.pk))
    assert locked is not None
    EventSlot.objects.update(reserved=5)

    counters.move(locked, Movement(+2), locked.marker())

    row = EventSlot.objects.get()
    assert (row.reserved, row.last_update) == (7, locked.now - timedelta(seconds=1))


def test_roll_up_leaves_the_marker_of_the_date_alone() -> None:
    day = factories.EventDateFactory(reserved=1)

    counters.roll_up({day.pk: +2, 4711: +1})

    row = EventDate.objects.get()
    assert (row.reserved, row.last_update) == (3, None)


@pytest.mark.mariadb
@pytest.mark.real_commits
def test_clock_is_read_when_the_lock_is_granted_not_when_it_is_requested() -> None:
    slot = factories.EventSlotFactory()
    results: list[Any] = []

    def lock() -> Any:
        with transaction.atomic(using=PUBLIC):
            return counters.lock(Target.slot(slot.pk))

    waiter = threading.Thread(target=lambda: results.extend(b.in_parallel(lock)))
    with connections[PUBLIC].cursor() as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT 1 FROM event_slots WHERE event_slot_id = %s FOR UPDATE", [slot.pk])
        waiter.start()
        holder.execute("SELECT SLEEP(1.2), SYSDATE()")  # the clock shows whole seconds
        released = holder.fetchone()[1]
        holder.execute("ROLLBACK")
    waiter.join(30)

    assert results[0].now.replace(tzinfo=None) >= released
