"""Every statement of every operation, with a fault at each: nothing is oversold, all is settled.

An operation runs in a process of its own, through proxies that stop it at one statement: before
the server sees it, or before the client gets the answer. Then the fault happens; at once the next
household asks for the place, at another server; then the proxy lets go. A COMMIT in flight is one
of these statements.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import EventRegistration, Ledger
from registrations.services import attendance, ledgers, settlement
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories, victims
from tests.support.proxy import Hold, Proxy, Statement, Steps, Trap
from tests.support.victims import ForkServer, Victim

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]

AT_ONCE = 12
"""Cases that run side by side, each with its own proxies and slots: they mostly wait."""
GIVING_UP = 2
"""Seconds until the service gives up waiting for a frozen server."""


@pytest.fixture(scope="module")
def fork_server(django_db_setup: None, django_db_blocker: Any) -> Iterator[ForkServer]:
    with django_db_blocker.unblock(), victims.fork_server() as running:
        yield running


# Operations ---------------------------------------------------------------------------

Operation = tuple[str, list[int], EventSlot]
"""Its name and ids for a victim, and the slot that the next household asks for."""


def _slot(capacity: int = 1) -> EventSlot:
    slot: EventSlot = factories.EventSlotFactory(capacity=capacity)
    return slot


def _aged(slot: EventSlot) -> EventSlot:
    """Moves `last_update` back by a day: no evidence is so young that judging it has to wait."""
    EventSlot.objects.filter(pk=slot.pk).update(last_update=F("last_update") - timedelta(days=1))
    return slot


def register() -> Operation:
    (household,) = factories.households(1)
    slot = _slot()
    return "register", [household.pk, slot.pk], slot


def wait() -> Operation:
    holder, household = factories.households(2)
    slot = _slot()
    b.register(holder, slot)
    return "register", [household.pk, slot.pk], _aged(slot)


def cancel() -> Operation:
    (household,) = factories.households(1)
    slot = _slot()
    return "cancel", [b.register(household, slot).pk], _aged(slot)


def cancel_with_promotion() -> Operation:
    holder, waiting = factories.households(2)
    slot = _slot()
    registration = b.register(holder, slot)
    b.register(waiting, slot)
    return "cancel", [registration.pk], _aged(slot)


def move() -> Operation:
    mover, waiting = factories.households(2)
    old, new = _slot(), _slot()
    registration = b.register(mover, old)
    b.register(waiting, old)
    _aged(old)
    return "move", [registration.pk, new.pk], new


def promote() -> Operation:
    slot = _slot(capacity=0)
    for household in factories.households(2):
        b.register(household, slot)
    EventSlot.objects.filter(pk=slot.pk).update(capacity=1)
    return "promote", [slot.pk], slot


def _today(capacity: int = 1) -> EventSlot:
    """A slot of today: places are given and handed on at the gate."""
    slot: EventSlot = factories.EventSlotFactory(
        capacity=capacity, event_hour__event_date__event_date_key=factories.in_days(0)
    )
    return slot


def give() -> Operation:
    """A place at another slot for a household that waits: move, confirmation and check-in."""
    holder, waiting = factories.households(2)
    old = _today()
    new = factories.EventSlotFactory(event_hour=old.event_hour, capacity=1)
    b.register(holder, old)
    waits = b.register(waiting, old)
    _aged(old)
    return "give", [waits.pk, new.pk], new


def pass_on() -> Operation:
    absent, waiting = factories.households(2)
    slot = _today()
    no_show = b.register(absent, slot)
    b.register(waiting, slot)
    attendance.mark_no_show(no_show, by=b.STAFF)
    return "pass_on", [no_show.pk], _aged(slot)


def settle() -> Operation:
    """Settles a registration whose counter has not moved."""
    (household,) = factories.households(1)
    slot = _slot(capacity=2)
    b.register(household, slot)
    _aged(slot)
    _undo_in_public(slot)
    return "settle_target", [slot.pk], slot


def _undo_in_public(slot: EventSlot) -> None:
    """Leaves the rows as if public had lost the commit of the only registration."""
    row = EventSlot.objects.get(pk=slot.pk)
    Ledger.objects.filter(kind="slot", target_id=slot.pk).update(
        pending_since=row.last_update,
        pending_delta=1,
        pending_by_date={str(slot.event_hour.event_date_id): 1},
        last_update_seen=None,
        last_update_written=row.last_update,
        seen_was_past=True,
    )
    EventSlot.objects.filter(pk=slot.pk).update(reserved=0, last_update=None)
    type(slot.event_hour.event_date).objects.filter(pk=slot.event_hour.event_date_id).update(
        reserved=0
    )


OPERATIONS = [
    register,
    wait,
    cancel,
    cancel_with_promotion,
    move,
    promote,
    give,
    pass_on,
    settle,
]


# Faults -------------------------------------------------------------------------------


class Case:
    """One operation, stopped at one statement."""

    def __init__(self, fork_server: ForkServer, operation: Operation) -> None:
        name, ids, self.slot = operation
        self.steps = Steps()
        self.private = _proxy(PRIVATE, self.steps)
        self.public = _proxy(PUBLIC, self.steps)
        ports = {PRIVATE: self.private.port, PUBLIC: self.public.port}
        self._start = partial(fork_server.start, name, *ids, ports=ports)

    def start(self, read_timeout: int | None = None) -> Victim:
        return self._start(read_timeout=read_timeout)


def _proxy(alias: str, steps: Steps) -> Proxy:
    settings = connections[alias].settings_dict
    return Proxy(settings["HOST"], int(settings["PORT"]), alias, steps)


def killed(case: Case, victim: Victim, trap: Trap) -> None:
    victim.kill()


def public_cut(case: Case, victim: Victim, trap: Trap) -> None:
    case.public.cut()


def private_cut(case: Case, victim: Victim, trap: Trap) -> None:
    case.private.cut()


def private_frozen(case: Case, victim: Victim, trap: Trap) -> None:
    """The server stays silent until the service gives up waiting, and then comes back."""
    case.private.freeze()
    trap.release()
    victim.outcome.result(60)


Fault = Callable[[Case, Victim, Trap], None]
FAULTS = [killed, public_cut, private_cut, private_frozen]


def _steps_of(fork_server: ForkServer, arrange: Callable[[], Operation]) -> int:
    """How many statements the operation sends, to both servers."""
    case = Case(fork_server, arrange())
    with case.private, case.public:
        case.start().outcome.result(60)
        return len(case.steps.sent)


def _try(
    fork_server: ForkServer, arrange: Callable[[], Operation], fault: Fault, at: int, hold: Hold
) -> None:
    try:
        case = Case(fork_server, arrange())
        (newcomer,) = factories.households(1)
        with case.private, case.public, ThreadPoolExecutor(1) as other_server:
            trap = case.steps.trap(at, hold=hold)
            victim = case.start(GIVING_UP if fault is private_frozen else None)
            trap.wait()
            fault(case, victim, trap)
            following = other_server.submit(_next, newcomer, case.slot)
            with contextlib.suppress(TimeoutError):
                following.result(0.2)  # unless it has to wait for what the trap holds
            trap.release()
            case.private.thaw()
            following.result(60)
            if fault is not killed:
                victim.outcome.result(60)
    finally:
        connections.close_all()


def _next(household: Any, slot: EventSlot) -> EventRegistration:
    b.with_production_grants()
    try:
        registration: EventRegistration = b.register(household, slot)
        return registration
    finally:
        connections.close_all()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("arrange", OPERATIONS)
def test_fault_at_every_statement_settles_and_oversells_nothing(
    fork_server: ForkServer, arrange: Callable[[], Operation], fault: Fault
) -> None:
    steps = _steps_of(fork_server, arrange)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        tries = [
            pool.submit(_try, fork_server, arrange, fault, number, hold)
            for number in range(1, steps + 1)
            for hold in _holds(fault)
        ]
        for each in tries:
            each.result(120)

    assert b.oversold() == {}
    assert settlement.settle_all(patience=20)[1] == 0
    assert b.drift() == {}
    assert b.oversold() == {}
    assert b.ambiguities() == 0


def _holds(fault: Fault) -> tuple[Hold, ...]:
    """What to hold: the client of a frozen server gives up either way, so one is enough."""
    return ("packet", "answer") if fault is not private_frozen else ("answer",)


def _trap_decision(case: Case, hold: Hold) -> Trap:
    """A trap at the private COMMIT of the booking. (The one that opens a ledger may come first.)"""

    def is_decision(statement: Statement) -> bool:
        booked = any(sent.sql.startswith("INSERT INTO event_reg") for sent in case.steps.sent)
        return booked and (statement.alias, statement.sql) == (PRIVATE, "COMMIT")

    return case.steps.trap(is_decision, hold=hold)


@pytest.mark.parametrize("hold", ["packet", "answer"])
def test_next_operation_waits_for_a_private_commit_in_flight(
    fork_server: ForkServer, hold: Hold
) -> None:
    case = Case(fork_server, register())
    (newcomer,) = factories.households(1)

    with case.private, case.public, ThreadPoolExecutor(1) as other_server:
        trap = _trap_decision(case, hold)
        victim = case.start()
        trap.wait()
        victim.kill()
        following = other_server.submit(_next, newcomer, case.slot)
        if hold == "packet":
            with pytest.raises(TimeoutError):
                following.result(0.5)  # the ledger is locked even though its owner is dead
        trap.release()
        second = following.result(30)

    settlement.settle_all()
    assert b.status_of(second) == "waitlisted"
    assert b.reserved(case.slot) == 1
    assert b.drift() == {}


def test_control_without_the_ledgers_lock_a_commit_in_flight_oversells(
    fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(fork_server, register())
    b.register(factories.households(1)[0], EventSlot.objects.get(pk=case.slot.pk))
    b.cancel(EventRegistration.objects.get())  # opens the ledger
    _aged(case.slot)
    (newcomer,) = factories.households(1)

    with case.private, case.public, ThreadPoolExecutor(1) as other_server:
        trap = _trap_decision(case, "packet")
        victim = case.start()
        trap.wait()
        victim.kill()
        monkeypatch.setattr(ledgers, "row_lock", lambda alias: "")
        monkeypatch.setattr(ledgers, "write", lambda ledger, pending: None)  # it needs the lock
        other_server.submit(_next, newcomer, case.slot).result(30)
        trap.release()
        trap.wait_answered()

    assert b.oversold() == {case.slot.pk: (2, 1)}
