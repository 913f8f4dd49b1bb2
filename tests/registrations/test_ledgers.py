"""The ledger: opened from the rows, exact at rest, marked only by the latest operation."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.db.models import F
from django.utils import timezone

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import EventRegistration, Ledger, Status
from registrations.queries import statuses, targets
from registrations.services import ledgers, settlement, two_phase
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories, victims
from tests.support.proxy import Proxy, Statement, Steps

pytestmark = pytest.mark.real_commits


def _existing(slot: EventSlot, *wanted: Status) -> None:
    """Registrations of a slot that no ledger counts yet, as an older installation may have."""
    for household, status in zip(factories.households(len(wanted)), wanted, strict=True):
        waits = status is Status.WAITLISTED
        EventRegistration.objects.create(
            household=household,
            event_status=statuses.row_for(status),
            event_date_id=slot.event_hour.event_date_id,
            event_slot_id=slot.pk,
            waitlisted_at=timezone.now() if waits else None,
        )


def test_first_use_opens_the_ledger_with_what_the_rows_say() -> None:
    slot = factories.EventSlotFactory(capacity=3, reserved=3)
    _existing(slot, Status.CONFIRMED, Status.CHECKED_IN, Status.NO_SHOW, Status.WAITLISTED)
    EventDate.objects.update(reserved=3)
    (newcomer,) = factories.households(1)

    registration = b.register(newcomer, slot)

    ledger = Ledger.objects.get()
    assert (ledger.holding, ledger.waiting) == (3, 2)
    assert b.status_of(registration) == "waitlisted"
    assert b.queue(slot)[-1] == newcomer.pk
    assert b.drift() == {}


@pytest.mark.mariadb
@pytest.mark.parametrize("round_", range(3))
def test_two_first_uses_at_once_give_the_last_place_once(
    monkeypatch: pytest.MonkeyPatch, round_: int
) -> None:
    """Both find no ledger, and both count the rows, before either opens it."""
    slot = factories.EventSlotFactory(capacity=1)
    both_have_counted = threading.Barrier(2)
    count_rows = targets.count_rows

    def count_together(counted: Any) -> Any:
        counts = count_rows(counted)
        both_have_counted.wait(10)
        return counts

    monkeypatch.setattr(targets, "count_rows", count_together)

    outcomes = b.outcomes(*(partial(b.register, h, slot) for h in factories.households(2)))

    assert sorted(outcomes) == ["confirmed", "waitlisted"]
    assert Ledger.objects.count() == 1
    assert b.drift() == {}


def test_opening_leaves_an_existing_ledger_alone() -> None:
    slot = factories.EventSlotFactory(capacity=3)
    b.register(factories.households(1)[0], slot)
    before = Ledger.objects.values().get()

    ledgers.open_missing([Target.slot(slot.pk)])

    assert Ledger.objects.values().get() == before


def _proxy(alias: str, steps: Steps) -> Proxy:
    settings = connections[alias].settings_dict
    return Proxy(settings["HOST"], int(settings["PORT"]), alias, steps)


def _proxied(steps: Steps) -> tuple[Proxy, Proxy]:
    return _proxy(PRIVATE, steps), _proxy(PUBLIC, steps)


def _is_mark(statement: Statement) -> bool:
    return statement.sql.startswith("UPDATE ledgers SET pending_since = NULL")


@pytest.mark.mariadb
def test_late_mark_clears_nothing_of_a_later_operation() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    first, second = factories.households(2)
    steps = Steps()
    private, public = _proxied(steps)

    with victims.fork_server() as fork_server, private, public:
        trap = steps.trap(_is_mark, hold="packet")
        ports = {PRIVATE: private.port, PUBLIC: public.port}
        late = fork_server.start("register", first.pk, slot.pk, ports=ports)
        trap.wait()
        _leave_pending(second, slot)
        trap.release()
        assert late.outcome.result(30) == "confirmed"

    assert b.pending() == 1  # the second's, which public has not seen
    assert b.reserved(slot) == 1
    settlement.settle_all()
    assert b.reserved(slot) == 2
    assert b.drift() == {}


@pytest.mark.mariadb
def test_seen_value_written_again_is_no_evidence_while_the_owner_is_alive() -> None:
    """Another system's statement began in that very second and waited for our lock."""
    slot = factories.EventSlotFactory(capacity=5)
    holder, newcomer = factories.households(2)
    registration = b.register(holder, slot)
    seen = EventSlot.objects.get(pk=slot.pk).last_update
    steps = Steps()
    private, public = _proxied(steps)

    with victims.fork_server() as fork_server, private, public, ThreadPoolExecutor(1) as pool:
        trap = steps.trap(_is_mark, hold="packet")
        ports = {PRIVATE: private.port, PUBLIC: public.port}
        fork_server.start("cancel", registration.pk, ports=ports)
        trap.wait()
        rows = EventSlot.objects.filter(pk=slot.pk)
        rows.update(reserved=F("reserved") + 1, last_update=seen)
        following = pool.submit(b.in_parallel, partial(b.register, newcomer, slot))
        with pytest.raises(TimeoutError):
            following.result(0.5)  # it waits for the mark; otherwise it would fold -1 once more
        trap.release()
        (second,) = following.result(30)

    assert b.status_of(second) == "confirmed"
    settlement.settle_all()
    assert b.drift({slot.pk: 1}) == {}


@pytest.mark.mariadb
@pytest.mark.parametrize("alias", [PRIVATE, PUBLIC])
def test_connection_that_breaks_right_after_its_commit_does_the_thread_no_harm(
    alias: str,
) -> None:
    rows = [
        b.register(household, slot)
        for household, slot in zip(
            factories.households(3), factories.EventSlotFactory.create_batch(3), strict=True
        )
    ]
    steps = Steps()
    proxy = _proxy(alias, steps)

    def comes_after_commit(statement: Statement) -> bool:
        return any(sent.sql == "COMMIT" for sent in steps.sent[: statement.number - 1])

    def cancel_all() -> list[str]:
        """One request that cancels three registrations, as staff do."""
        connection = connections[alias]
        connection.settings_dict = {**connection.settings_dict, "PORT": proxy.port}
        answers = []
        for row in rows:
            try:
                answers.append(str(b.cancel(row).event_status))
            except OperationalError:
                answers.append("503")
        return answers

    with proxy, ThreadPoolExecutor(1) as pool:
        trap = steps.trap(comes_after_commit, hold="packet")
        request = pool.submit(b.in_parallel, cancel_all)
        trap.wait()
        proxy.cut()
        trap.release()
        (answers,) = request.result(60)

    assert answers[0] == answers[2] == "cancelled"
    assert answers[1] in {"cancelled", "503"}  # it depends on which statement notices
    b.cancel(rows[1])
    settlement.settle_all()
    assert [b.status_of(row) for row in rows] == ["cancelled"] * 3
    assert b.drift() == {}


def test_place_freed_by_another_system_at_first_use_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slot looked full, so its public row was not locked; and it had no ledger yet."""
    slot = factories.EventSlotFactory(capacity=1, reserved=1)
    (household,) = factories.households(1)
    open_missing = ledgers.open_missing

    def open_and_free(missing: Any) -> None:
        open_missing(missing)
        EventSlot.objects.update(reserved=0)

    monkeypatch.setattr(ledgers, "open_missing", open_and_free)

    assert b.status_of(b.register(household, slot)) == "confirmed"
    assert b.drift() == {}


def test_refused_movement_stays_pending_since_its_first_refusal() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    first, second = factories.households(2)

    _leave_pending(first, slot)
    since = Ledger.objects.get().pending_since
    _leave_pending(second, slot)

    ledger = Ledger.objects.get()
    assert (ledger.pending_delta, ledger.pending_since) == (2, since)
    settlement.settle_all()
    assert b.drift() == {}


def _leave_pending(household: Any, slot: EventSlot) -> None:
    """Books, and loses public before the counter moves."""

    def lose(operation: Any) -> None:
        raise OperationalError(2013, "Lost connection to server during query")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_phase, "_move_counters", lose)
        b.register(household, slot)


@pytest.mark.mariadb
def test_operation_that_waits_for_a_date_holds_nothing_private() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    other = factories.EventSlotFactory(event_hour=slot.event_hour, capacity=5)
    first, second = factories.households(2)
    b.register(second, other)
    day = slot.event_hour.event_date_id

    with ThreadPoolExecutor(1) as pool, connections[PUBLIC].cursor() as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT 1 FROM event_dates WHERE event_date_id = %s FOR UPDATE", [day])
        booking = pool.submit(b.in_parallel, partial(b.register, first, slot))
        _until_a_lock_wait()

        decided = EventRegistration.objects.filter(household=first).exists()
        with transaction.atomic(using=PRIVATE):
            free = Ledger.objects.select_for_update(nowait=True).filter(target_id=slot.pk).exists()
        holder.execute("ROLLBACK")
        (result,) = booking.result(30)

    assert decided
    assert free
    assert b.status_of(result) == "confirmed"
    settlement.settle_all()
    assert b.drift() == {}


def _until_a_lock_wait() -> None:
    with connections[PUBLIC].cursor() as cursor:
        for _ in range(50):
            cursor.execute(  # the server refreshes this table only after 0.1 s without a query
                "SELECT COUNT(*), SLEEP(0.12) FROM information_schema.innodb_trx"
                " WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id IN"
                " (SELECT id FROM information_schema.processlist WHERE db = DATABASE())"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("no one waits for a lock")


@pytest.mark.mariadb
def test_host_that_vanishes_silently_loses_its_locks() -> None:
    """No FIN arrives: the servers end the silent session and release its locks."""
    slot = factories.EventSlotFactory(capacity=1)
    gone, newcomer = factories.households(2)
    steps = Steps()
    private, public = _proxied(steps)
    ledgers.open_missing([Target.slot(slot.pk)])

    def is_insert(statement: Statement) -> bool:
        return statement.sql.startswith("INSERT INTO event_registrations ")

    with victims.fork_server(DATABASE_IDLE_TIMEOUT="1") as fork_server, private, public:
        trap = steps.trap(is_insert, hold="packet")
        ports = {PRIVATE: private.port, PUBLIC: public.port}
        fork_server.start("register", gone.pk, slot.pk, ports=ports)
        trap.wait()
        private.freeze()
        public.freeze()

        second = b.register(newcomer, slot)

    assert b.status_of(second) == "confirmed"
    assert EventRegistration.objects.count() == 1
    assert b.drift() == {}
