"""Reconciling finds exactly the counters that drifted, even under live traffic, and fixes them."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from audit.models import AuditEvent
from registrations.models import Ledger
from registrations.queries import counts
from registrations.services import reconciliation, settlement
from schedules.models import EventDate, EventSlot
from schedules.targets import Kind
from tests.support import booking as b
from tests.support import factories
from tests.support.victims import kill_at


def _run(*options: str) -> tuple[int, str]:
    """Exit status and standard output of the command."""
    out = StringIO()
    try:
        call_command("reconcile_reserved", *options, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def _json(*options: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_run(*options, "--json")[1])
    return rows


def _drifted(*options: str) -> dict[int, int]:
    return {row["event_slot_id"] or row["event_date_id"]: row["drift"] for row in _json(*options)}


@pytest.fixture
def slot() -> EventSlot:
    """Two of five places are taken."""
    slot = factories.EventSlotFactory(capacity=5)
    for household in factories.households(2):
        b.register(household, slot)
    return slot


def _set(row: EventSlot | EventDate, reserved: int) -> None:
    type(row).objects.filter(pk=row.pk).update(reserved=reserved)


@pytest.mark.parametrize("wrong", [9, 3, 1, 0, -4])
def test_drift_is_reported_and_nothing_written_then_fixed_once(slot: EventSlot, wrong: int) -> None:
    day = slot.event_hour.event_date
    alone = factories.EventDateFactory()
    b.register(factories.households(1)[0], alone)
    for row in (slot, day, alone):
        _set(row, wrong)
    expected = {slot.pk: wrong - 2, day.pk: wrong - 2, alone.pk: wrong - 1}
    expected = {row: drift for row, drift in expected.items() if drift}

    status, _ = _run("--check")
    checked = _drifted("--check")
    untouched = [b.reserved(row) for row in (slot, day, alone)]
    fixed = _drifted("--fix", "--allowance=0")

    assert status == 1
    assert checked == fixed == expected
    assert untouched == [wrong] * 3
    assert b.drift() == {}
    assert (_run("--check")[0], _drifted("--fix", "--allowance=0")) == (0, {})


def test_json_is_one_array_with_the_documented_fields(slot: EventSlot) -> None:
    _set(slot, 4)

    assert _json("--check") == [
        {
            "event_date_id": slot.event_hour.event_date_id,
            "event_slot_id": slot.pk,
            "capacity": 5,
            "reserved": 4,
            "counted": 2,
            "drift": 2,
        },
    ]
    _run("--fix", "--allowance=0")
    assert _run("--check", "--json") == (0, "[]\n")


def test_the_table_explains_drift_where_it_can(slot: EventSlot) -> None:
    _set(slot, 4)
    assert "another system or a restored backup" in _run("--check")[1]

    Ledger.objects.update(ambiguous=2)
    assert "2 ambiguous movements" in _run("--check")[1]
    assert "1 fixed" in _run("--fix", "--allowance=0")[1]
    assert "No drift." in _run("--check")[1]


def test_scope_is_an_event_or_some_days(slot: EventSlot) -> None:
    later = factories.EventSlotFactory(event_hour__event_date__event_date_key=factories.in_days(30))
    for row in (slot, later):
        _set(row, 5)
    event = str(later.event_hour.event_date.event_id)
    week = [str(factories.today()), "2199-01-01"]

    assert set(_drifted("--check", "--event-id", event)) == {later.pk}
    assert set(_drifted("--check", f"--date-to={slot.event_hour.event_date.date}")) == {slot.pk}
    assert set(_drifted("--check", f"--date-from={later.event_hour.event_date.date}")) == {later.pk}
    assert set(_drifted("--check", f"--date-from={week[0]}", f"--date-to={week[1]}")) == {
        slot.pk,
        later.pk,
    }
    assert set(_drifted("--fix", "--allowance=0", "--event-id", event)) == {later.pk}
    assert b.reserved(slot) == 5


def test_an_allowance_leaves_room_for_other_systems(slot: EventSlot) -> None:
    day = slot.event_hour.event_date
    other = factories.EventSlotFactory(event_hour=slot.event_hour)
    _set(slot, 4)  # two are ours, two are another system's
    _set(other, 1)
    _set(day, 5)

    assert _drifted("--check", "--allowance=2") == {}
    assert _drifted("--fix", "--allowance=1") == {slot.pk: 1, day.pk: 1}
    assert [b.reserved(row) for row in (slot, other, day)] == [3, 1, 4]
    _set(slot, 1)
    assert _drifted("--fix", "--allowance=9") == {slot.pk: -1}


def test_batches_cover_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "BATCH", 2)
    monkeypatch.setattr(reconciliation, "LOCKED", dict.fromkeys(Kind, 1))
    slots = [factories.EventSlotFactory(reserved=n) for n in range(5)]

    assert _drifted("--fix", "--allowance=0") == {slot.pk: slot.reserved for slot in slots[1:]}
    assert b.drift() == {}


def test_statements_do_not_grow_with_rows() -> None:
    def statements(count: int) -> int:
        factories.EventSlotFactory.create_batch(count)
        return len(b.statements(lambda: _run("--check")))

    statements(1)  # reads the statuses
    assert statements(1) == statements(50)


@pytest.mark.parametrize(
    "options",
    [[], ["--check", "--fix"], ["--check", "--date-from=soon"], ["--check", "--allowance=-1"]],
)
def test_options_that_make_no_sense_are_refused(options: list[str]) -> None:
    with pytest.raises(CommandError):
        _run(*options)


@pytest.mark.real_commits
def test_what_a_dead_process_left_is_explained_and_fix_settles_it() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)

    status, table = _run("--check")
    assert status == 1
    assert "a process died: run settle" in table

    _run("--fix", "--allowance=0")
    assert b.drift() == {}
    assert b.pending() == 0
    assert _run("--check")[0] == 0


@pytest.mark.real_commits
@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_fix_that_was_killed_can_be_run_again(point: str) -> None:
    slots = [factories.EventSlotFactory(reserved=3) for _ in range(3)]

    kill_at(point, "reconcile")  # the first, and only, public commit
    _run("--fix", "--allowance=0")

    assert [b.reserved(slot) for slot in slots] == [0, 0, 0]
    assert b.drift() == {}


def _under_load(slots: list[EventSlot], work: Callable[[], None]) -> None:
    """Runs `work` while four threads register and cancel at these slots."""
    households = factories.households(40)
    stop = threading.Event()

    def book(mine: list[Any]) -> None:
        while not stop.is_set():
            for number, household in enumerate(mine):
                b.cancel(b.register(household, slots[number % len(slots)]))

    def reconcile() -> None:
        try:
            work()
        finally:
            stop.set()

    b.in_parallel(*(lambda n=n: book(households[n::4]) for n in range(4)), reconcile)


@pytest.mark.real_commits
@pytest.mark.mariadb  # SQLite has one writer: nothing ever comes in between
def test_check_under_live_traffic_reports_no_false_drift() -> None:
    day = factories.EventDateFactory()
    slots = [factories.EventSlotFactory(event_hour__event_date=day, capacity=3) for _ in range(3)]
    seen: list[tuple[int, str]] = []

    _under_load(slots, lambda: seen.extend(_run("--check", "--json") for _ in range(15)))

    assert set(seen) == {(0, "[]\n")}
    assert b.drift() == {}


@pytest.mark.real_commits
@pytest.mark.mariadb
def test_fix_under_live_traffic_leaves_everything_exact() -> None:
    day = factories.EventDateFactory()
    slots = [factories.EventSlotFactory(event_hour__event_date=day, capacity=3) for _ in range(3)]

    def drift_and_fix() -> None:
        for _ in range(12):
            EventSlot.objects.filter(pk=slots[0].pk).update(reserved=F("reserved") + 2)
            EventDate.objects.filter(pk=day.pk).update(reserved=F("reserved") - 1)
            _run("--fix", "--allowance=0")

    _under_load(slots, drift_and_fix)

    assert b.drift() == {}
    assert b.oversold() == {}


def test_fix_requires_an_allowance(slot: EventSlot) -> None:
    _set(slot, 4)

    with pytest.raises(CommandError, match="--allowance N"):
        _run("--fix")

    assert b.reserved(slot) == 4


def test_a_wrong_ledger_is_reported_and_corrected(slot: EventSlot) -> None:
    b.register(factories.households(1)[0], factories.EventDateFactory())
    Ledger.objects.filter(kind="slot").update(holding=7, waiting=1)
    Ledger.objects.filter(kind="date").update(holding=0)

    status, table = _run("--check")
    checked = _json("--check")
    _run("--fix", "--allowance=0")

    assert status == 1
    assert "the ledger says 7 hold and 1 wait" in table
    assert [(row["drift"], row["ledger"]) for row in checked] == [
        (0, {"holding": 7, "waiting": 1}),
        (0, {"holding": 0, "waiting": 0}),
    ]
    assert b.drift() == {}
    assert _run("--check") == (0, "No drift.\n")


@pytest.mark.real_commits
def test_settling_during_a_check_hides_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pending movement and a counter that is one too high look right together."""
    slot = factories.EventSlotFactory(capacity=5)
    kill_at("between-commits", "register", factories.households(1)[0].pk, slot.pk)
    AuditEvent.objects.update(at=timezone.now() - timedelta(hours=1))
    _set(slot, 1)
    rows_at = counts.rows_at

    def settle_first(*args: Any) -> Any:
        Ledger.objects.update(last_update_written=timezone.now() - timedelta(hours=1))
        settlement.settle_all()
        return rows_at(*args)

    monkeypatch.setattr(counts, "rows_at", settle_first)

    assert _drifted("--check") == {slot.pk: 1}


@pytest.mark.real_commits
def test_check_writes_nothing_where_a_process_died() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    kill_at("between-commits", "register", factories.households(1)[0].pk, slot.pk)
    before = Ledger.objects.values().get()

    _run("--check")

    assert Ledger.objects.values().get() == before
    assert b.reserved(slot) == 0
