"""Every statement of every operation fails in turn: nothing half-done remains."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connections

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import Busy
from registrations.models import EventRegistration
from registrations.queries import statuses
from registrations.services import attendance, booking, places, retry, settlement, waitlist
from schedules.models import EventSlot
from schedules.targets import Target
from tests.conftest import TABLES
from tests.support import booking as b
from tests.support import factories

pytestmark = pytest.mark.real_commits

DEADLOCK = (1213, "Deadlock found when trying to get lock; try restarting transaction")
LOCK_WAIT = (1205, "Lock wait timeout exceeded; try restarting transaction")
LOST = (2013, "Lost connection to server during query")


class Faults:
    """Counts the statements on both connections; fails those that `fails` picks."""

    def __init__(self, error: tuple[int, str], fails: Callable[[int], bool]) -> None:
        self.error, self.fails = error, fails
        self.sql: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.sql.append(sql)
        if self.fails(len(self.sql) - 1):
            raise OperationalError(*self.error)
        return execute(sql, params, many, context)


@contextmanager
def faults(error: tuple[int, str], fails: Callable[[int], bool]) -> Iterator[Faults]:
    injected = Faults(error, fails)
    with ExitStack() as stack:
        for alias in (PRIVATE, PUBLIC):
            stack.enter_context(connections[alias].execute_wrapper(injected))
        yield injected


def _everything() -> dict[str, Any]:
    """All rows of both databases that an operation could touch."""
    rows: dict[str, Any] = {}
    private = ("event_registrations", "event_registration_members", "audit_events")
    for alias, tables in ((PRIVATE, private), (PUBLIC, TABLES)):
        with connections[alias].cursor() as cursor:
            for table in tables:
                cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
                rows[table] = list(cursor.fetchall())
    return rows


def _reloaded(registration: EventRegistration) -> EventRegistration:
    return EventRegistration.objects.get(pk=registration.pk)


def _register() -> Callable[[], Any]:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    members = list(household.members.values_list("pk", flat=True))
    return lambda: b.register(household, slot, attendee_ids=members)


def _register_with_raised_capacity() -> Callable[[], Any]:
    slot = factories.EventSlotFactory(capacity=0)
    waiting, newcomer = factories.households(2)
    b.register(waiting, slot)
    EventSlot.objects.update(capacity=2)
    members = list(newcomer.members.values_list("pk", flat=True))
    return lambda: b.register(newcomer, slot, attendee_ids=members)


def _cancel() -> Callable[[], Any]:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    registration = _reloaded(b.register(household, slot))
    return lambda: booking.cancel(registration, by=b.BY)


def _cancel_with_promotion() -> Callable[[], Any]:
    slot = factories.EventSlotFactory(capacity=1)
    holder, waiting = factories.households(2)
    registration = _reloaded(b.register(holder, slot))
    b.register(waiting, slot)
    return lambda: booking.cancel(registration, by=b.BY)


def _move() -> Callable[[], Any]:
    old, new = factories.EventSlotFactory.create_batch(2, capacity=1)
    mover, waiting = factories.households(2)
    registration = _reloaded(b.register(mover, old))
    b.register(waiting, old)
    return lambda: booking.move(registration, target=Target.slot(new.pk), by=b.BY)


def _promote() -> Callable[[], Any]:
    slot = factories.EventSlotFactory(capacity=0)
    for household in factories.households(3):
        b.register(household, slot)
    EventSlot.objects.update(capacity=2)
    return lambda: waitlist.promote(Target.slot(slot.pk), by=b.BY)


def _today(capacity: int) -> EventSlot:
    slot: EventSlot = factories.EventSlotFactory(
        capacity=capacity, event_hour__event_date__event_date_key=factories.in_days(0)
    )
    return slot


def _give() -> Callable[[], Any]:
    full = _today(capacity=0)
    free = factories.EventSlotFactory(event_hour=full.event_hour, capacity=1)
    (household,) = factories.households(1)
    waits = _reloaded(b.register(household, full))
    target = Target.slot(free.pk)
    return lambda: attendance.check_in_waiting(waits, target=target, by=b.STAFF)


def _pass_on() -> Callable[[], Any]:
    slot = _today(capacity=1)
    absent, waiting = factories.households(2)
    no_show = attendance.mark_no_show(_reloaded(b.register(absent, slot)), by=b.STAFF)
    b.register(waiting, slot)
    return lambda: places.pass_on(no_show, reason="Did not come", by=b.STAFF)


@pytest.fixture(autouse=True)
def _statuses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the statuses, so that an operation sends the same statements in every run."""
    monkeypatch.setattr(statuses, "KEPT_SECONDS", 3600)


OPERATIONS = [
    _register,
    _register_with_raised_capacity,
    _cancel,
    _cancel_with_promotion,
    _move,
    _promote,
    _give,
    _pass_on,
]


@pytest.mark.parametrize("arrange", OPERATIONS)
def test_failing_statement_leaves_nothing_behind(arrange: Callable[[], Any]) -> None:
    """Either the operation fails and both databases are as before, or, after the private commit,
    it succeeds and leaves something to settle."""
    statuses.rows()
    statements = _statements_of(arrange())
    failed = 0
    for number in range(len(statements)):
        operation = arrange()
        before = _everything()
        try:
            with faults(LOST, lambda n, number=number: n == number):  # type: ignore[misc]
                operation()
        except OperationalError:
            failed += 1
            assert _everything() == before, f"statement {number} left something behind"
        else:
            assert b.pending()
            settlement.settle_all()
        assert b.drift() == {}

    following = [sql for sql in statements if _follows_the_decision(sql)]
    assert failed == len(statements) - len(following)


def _follows_the_decision(sql: str) -> bool:
    """Whether it moves a public counter or marks a ledger."""
    return sql.startswith(
        ("UPDATE event_slots", "UPDATE event_dates", "UPDATE ledgers SET pending_since")
    )


def _statements_of(operation: Callable[[], Any]) -> list[str]:
    """The SQL of an operation on both databases, once ledgers exist and statuses are known."""
    with faults(LOST, lambda number: False) as counted:
        operation()
    return counted.sql


@pytest.mark.parametrize("error", [DEADLOCK, LOCK_WAIT])
@pytest.mark.parametrize("arrange", OPERATIONS)
def test_deadlock_or_lock_wait_at_any_statement_is_retried(
    arrange: Callable[[], Any], error: tuple[int, str]
) -> None:
    statuses.rows()
    for number in range(len(_statements_of(arrange()))):
        operation = arrange()
        with faults(error, lambda n, number=number: n == number):  # type: ignore[misc]
            operation()
        settlement.settle_all()
        assert b.drift() == {}
        assert b.pending() == 0


def test_operation_that_never_gets_its_lock_ends_in_busy_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = _register()
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.3)
    before = _everything()

    with faults(LOCK_WAIT, lambda number: number % 6 == 5), pytest.raises(Busy):
        operation()

    assert _everything() == before


@pytest.mark.mariadb
def test_real_lock_wait_ends_in_busy_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = factories.EventSlotFactory()
    (household,) = factories.households(1)
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.5)
    before = _everything()
    with connections[PUBLIC].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM event_slots WHERE event_slot_id = %s FOR UPDATE", [slot.pk])

        with pytest.raises(Busy):
            b.in_parallel(lambda: b.register(household, slot))

        cursor.execute("ROLLBACK")
    assert _everything() == before


def test_refused_private_commit_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = _register()
    before = _everything()

    def refuse() -> None:
        raise OperationalError(*LOST)

    with monkeypatch.context() as patch:
        patch.setattr(connections[PRIVATE], "commit", refuse)
        with pytest.raises(OperationalError):
            operation()

    assert _everything() == before


def test_public_commit_refused_after_the_private_one_is_not_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on Galera, where a commit may fail certification: the decision stands, and settles."""
    operation = _register()

    def refuse() -> None:
        connections[PUBLIC].rollback()
        raise OperationalError(*DEADLOCK)

    with monkeypatch.context() as patch:
        patch.setattr(connections[PUBLIC], "commit", refuse)
        registration = operation()

    assert b.status_of(registration) == "confirmed"
    assert EventRegistration.objects.count() == 1
    assert b.drift() != {}
    settlement.settle_all()
    assert b.drift() == {}
