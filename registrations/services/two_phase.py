"""Two databases move as one: the protocol under every change of a place.

    run([target], decide, by=actor, at=now)

1. locks the target's ledger,
2. locks the public row too, if the counter is likely to move,
3. folds what a dead process left pending,
4. calls `decide`, which reads and writes private rows, and commits private: the decision,
5. moves the public counter and commits public,
6. marks the ledger settled.

After the private commit the caller gets no error. docs/protocol.md explains why, and what happens
if a process dies or a connection breaks at each step.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from prometheus_client import Histogram

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE, PUBLIC, drop_unusable_connections, is_rollback
from registrations.errors import TryAgain
from registrations.models import EventRegistration, Ledger, Pending
from registrations.queries import registrations
from registrations.services import facts, ledgers
from schedules import counters
from schedules.counters import CounterRow, Marker, Movement, Verdict
from schedules.targets import Target

log = structlog.get_logger(__name__)

R = TypeVar("R")

LOCK_WAIT = Histogram(
    "freshtrak_lock_seconds",
    "Seconds until a slot or date was locked: its ledger, and its public row where needed.",
    buckets=(0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10),
)


class Unclear(TryAgain):
    """The owner of a pending movement may be alive, and about to mark what became of it."""


class _CounterMoves(Exception):
    """The counter moves after all, but public is not locked: the operation starts again."""


@dataclass
class LockedTarget:
    """A target whose ledger is locked, and what the operation does to it."""

    ledger: Ledger
    counter: CounterRow | None
    """The public row; None if it is gone."""
    fold: Movement = field(default_factory=Movement)
    """What a dead process left unapplied."""
    own: Movement = field(default_factory=Movement)
    pending_since: datetime | None = None
    """Since when the folded movement has been pending."""
    recorded: int = 0
    """The sum of the deltas written to the trail."""
    has_changed: bool = False
    """Whether the ledger has to be written."""

    @property
    def target(self) -> Target:
        return self.ledger.target

    @property
    def free(self) -> int:
        """Places that can be given now; negative when more are taken than there are.

        `reserved` counts what other systems took. What we gave counts even if another system has
        lowered `reserved` below it.
        """
        if self.counter is None:
            return 0
        reserved = self.counter.reserved + self.movement.delta
        return self.counter.capacity - max(reserved, self.ledger.holding)

    @property
    def movement(self) -> Movement:
        """By how much to move the public counter: the operation's own part and what it folds."""
        movement = self.own + self.fold
        return movement if self.counter else Movement(0, movement.by_date)

    def reload(self, registration: EventRegistration) -> None:
        """Re-reads the row under the lock: what was read before may be out of date.

        Raises TryAgain if it is at another target by now.
        """
        registrations.reload(registration)
        if registration.target != self.target:
            raise TryAgain("The registration has been moved.")

    def take(self, event_date_id: int | None) -> None:
        """Gives a place at the target."""
        self.ledger.holding += 1
        self._move(+1, event_date_id)

    def release(self, event_date_id: int | None) -> None:
        """Takes a place back."""
        self.ledger.holding -= 1
        self._move(-1, event_date_id)

    def _move(self, delta: int, event_date_id: int | None) -> None:
        self.has_changed = True
        rolls_up = event_date_id is not None and not self.target.is_date
        self.own += Movement(delta, {event_date_id: delta} if rolls_up else {})  # type: ignore[dict-item]

    def join_queue(self, at: datetime) -> datetime:
        """Adds one to the end of the queue, even if another server's clock is ahead of ours."""
        last = self.ledger.last_waitlisted_at
        joined = at if last is None else max(at, last + timedelta(microseconds=1))
        self.has_changed = True
        self.ledger.waiting += 1
        self.ledger.last_waitlisted_at = joined
        return joined

    def leave_queue(self) -> None:
        self.has_changed = True
        self.ledger.waiting -= 1


class Operation:
    """One decision about targets whose ledgers are locked."""

    def __init__(self, places: dict[Target, LockedTarget], *, by: Actor, at: datetime) -> None:
        self.places, self.by, self.at = places, by, at

    @property
    def place(self) -> LockedTarget:
        """The only target."""
        (place,) = self.places.values()
        return place

    @property
    def moves_counters(self) -> bool:
        return any(place.movement for place in self.places.values())

    def record(
        self,
        action: AuditEvent.Action,
        registration: EventRegistration,
        *,
        place: LockedTarget,
        by: Actor | None = None,
        delta: int = 0,
        **details: Any,
    ) -> None:
        """Writes one fact to the trail, with what it does to the counter of `place`.

        `by` is the actor of the operation unless somebody else is named.
        """
        place.recorded += delta
        counter = place.counter
        facts.record(
            action,
            registration,
            by=by or self.by,
            at=self.at,
            delta=delta,
            reserved_seen=counter.reserved if counter else None,
            **details,
        )


def always(ledger: Ledger) -> bool:
    return True


def never(ledger: Ledger) -> bool:
    return False


def run(
    targets: Sequence[Target],
    decide: Callable[[Operation], R],
    *,
    by: Actor,
    at: datetime,
    expects_movement: Callable[[Ledger], bool] = always,
) -> R:
    """Runs one operation of the actor: `decide` reads and writes private rows under the locks.

    `expects_movement` says whether a counter is likely to move. If it is not, and nothing is
    pending, public is only read; if the counter moves after all, `decide` is called again, under
    public's lock. Raises TryAgain and what `decide` and the databases raise; nothing was written
    then. (The one exception: the outcome of the private COMMIT itself is unknown.)
    """
    while True:
        try:
            return _attempt(targets, decide, by, at, expects_movement)
        except ledgers.LedgerMissing as missing:
            ledgers.open_missing(missing.targets)
        except _CounterMoves:
            expects_movement = always


def _attempt(
    targets: Sequence[Target],
    decide: Callable[[Operation], R],
    by: Actor,
    at: datetime,
    expects_movement: Callable[[Ledger], bool],
) -> R:
    decided: Operation | None = None
    is_moved = False
    try:
        with ExitStack() as public:
            with transaction.atomic(using=PRIVATE, durable=True):
                with LOCK_WAIT.time():
                    operation, is_locked = _lock(targets, by, at, public, expects_movement)
                result = decide(operation)
                if operation.moves_counters and not is_locked:
                    raise _CounterMoves
                for place in operation.places.values():
                    _write_ledger(place, at)
            decided = operation
            _move_counters(operation)
            is_moved = True
    except (DatabaseError, InterfaceError) as error:
        if decided is None:
            raise
        # The decision stands: what is pending, the next operation or `settle` applies.
        log.exception("public_commit_failed", targets=[str(target) for target in targets])
        drop_unusable_connections(error)
        if not is_moved or is_rollback(error):  # otherwise the COMMIT may have arrived
            _mark(operation, ledgers.mark_refused)
        return result
    _mark(operation, ledgers.mark_settled)
    return result


def _lock(
    targets: Sequence[Target],
    by: Actor,
    at: datetime,
    public: ExitStack,
    expects_movement: Callable[[Ledger], bool],
) -> tuple[Operation, bool]:
    """Locks the ledgers, then the public rows if needed; folds what is pending."""
    locked = ledgers.lock(*targets)
    needs_public = any(ledger.pending or expects_movement(ledger) for ledger in locked.values())
    if needs_public:
        public.enter_context(transaction.atomic(using=PUBLIC, durable=True))
    read = counters.lock if needs_public else counters.read_unlocked
    rows = {target: read(target) for target in locked}
    places = {target: _fold(ledger, rows[target], by, at) for target, ledger in locked.items()}
    return Operation(places, by=by, at=at), needs_public


def _fold(ledger: Ledger, counter: CounterRow | None, by: Actor, at: datetime) -> LockedTarget:
    """Finds out what became of the pending movement, and what of it still has to be applied.

    If nobody can know, choose the reading that can only undersell: apply +1, ignore −1. Raises
    Unclear.
    """
    if (pending := ledger.pending) is None:
        return LockedTarget(ledger, counter)
    verdict = verdict_on(pending, counter, at)
    if verdict is Verdict.UNCLEAR:
        raise Unclear(f"{ledger.target} has a movement pending whose owner may be alive")
    fold = Movement()
    if verdict is Verdict.NOT_APPLIED:
        fold = pending.movement
    if verdict is Verdict.AMBIGUOUS:
        fold = pending.movement.only_taking()
        ledger.ambiguous += 1
        facts.record_ambiguity(ledger.target, pending.movement, fold, by=by.as_system(), at=at)
    if verdict is not Verdict.APPLIED:  # the usual case: its owner is just about to mark it
        log.info("folded", target=str(ledger.target), delta=fold.delta, verdict=verdict.value)
    return LockedTarget(ledger, counter, fold, pending_since=pending.since, has_changed=True)


def verdict_on(pending: Pending, counter: CounterRow | None, at: datetime) -> Verdict:
    """What became of a pending movement, according to its owner or to the row under our lock."""
    if pending.refused:
        return Verdict.NOT_APPLIED
    if counter is None:  # the row is gone, and all evidence with it
        is_young = abs(at - pending.since) < counters.OWNER_LIFETIME
        return Verdict.UNCLEAR if is_young else Verdict.AMBIGUOUS
    return counter.verdict_on(pending.marker)


def _write_ledger(place: LockedTarget, at: datetime) -> None:
    if place.recorded != place.own.delta:
        raise AssertionError(f"The trail of {place.target} does not add up.")
    if not place.has_changed:
        return
    pending = None
    if place.movement:
        # Without the row only the roll-up moves, and leaves no evidence.
        marker = place.counter.marker() if place.counter else Marker(None, at, False)
        since = place.pending_since if place.fold and place.pending_since else at
        pending = Pending(place.movement, marker, since)
    ledgers.write(place.ledger, pending)


def _move_counters(operation: Operation) -> None:
    """Moves the public counters: targets first, then dates (the hot rows), always in one order."""
    roll_up: Counter[int] = Counter()
    for place in operation.places.values():
        if pending := place.ledger.pending:
            if place.counter:
                counters.move(place.counter, pending.movement, pending.marker)
            roll_up.update(pending.movement.by_date)
    counters.roll_up(roll_up)


def _mark(operation: Operation, mark: Callable[[Ledger], None]) -> None:
    try:
        for place in operation.places.values():
            if place.ledger.pending:
                mark(place.ledger)
    except (DatabaseError, InterfaceError) as error:  # the evidence stands in public
        log.warning("mark_failed", exc_info=True)
        drop_unusable_connections(error)
