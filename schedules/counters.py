"""The only module that locks or writes a public row.

`reserved` of a target is its counter; it follows what freshtrak_private decides. We also write
`last_update`, as a **marker**: if a process dies on the way, the next operation can tell from it
whether the public commit happened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import structlog
from django.db import OperationalError, connections, transaction

from freshtrak.databases import (
    PUBLIC,
    SERVER_READ_ONLY,
    Row,
    execute,
    ids,
    moment,
    query,
    row_lock,
)
from schedules.targets import Kind, Target

log = structlog.get_logger(__name__)

OWNER_LIFETIME = timedelta(seconds=7)
"""The owner of a pending movement older than this counts as dead: 5 s from its lock to its mark,
and the marker is up to 2 s older than the lock."""


@dataclass(frozen=True)
class Movement:
    """By how much `reserved` of a target moves, and `reserved` of each date with it."""

    delta: int = 0
    by_date: Mapping[int, int] = field(default_factory=dict)
    """The roll-up on dates, by id. Empty if the target is a date itself."""

    def __add__(self, other: Movement) -> Movement:
        if not other:
            return self
        dates = Counter(self.by_date)
        dates.update(other.by_date)
        return Movement(self.delta + other.delta, {day: n for day, n in dates.items() if n})

    def __bool__(self) -> bool:
        return bool(self.delta) or any(self.by_date.values())

    def only_taking(self) -> Movement:
        """The part that takes places. Applying it twice can only undersell."""
        taken = {day: delta for day, delta in self.by_date.items() if delta > 0}
        return Movement(max(self.delta, 0), taken)


class Verdict(Enum):
    """What `last_update` says about an update that is not known to be committed."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"  # the owner may be alive and about to mark it
    AMBIGUOUS = "ambiguous"  # another system has written since, and the owner is dead


@dataclass(frozen=True)
class Marker:
    """`last_update` as one update found it and as it leaves it (the public server's clock)."""

    seen: datetime | None
    written: datetime
    seen_was_past: bool
    """Whether `seen` was older than the update: no other system writes a time that has passed."""


@dataclass(frozen=True)
class CounterRow:
    """A target's public row, as read under our lock or without one."""

    target: Target
    capacity: int
    reserved: int
    last_update: datetime | None
    now: datetime
    """The public server's clock when the row was read, in whole seconds."""

    def marker(self) -> Marker:
        """A second in the past that differs from the value in the row.

        Other systems write the present, so within the protocol's time only we write this value.
        """
        second = timedelta(seconds=1)
        written = self.now - second
        if written == self.last_update:
            written -= second
        return Marker(
            seen=self.last_update,
            written=written,
            seen_was_past=self.last_update is None or self.last_update < self.now,
        )

    def verdict_on(self, marker: Marker) -> Verdict:
        """What became of the update that leaves `marker`. Valid only under the lock."""
        if self.last_update == marker.written:
            return Verdict.APPLIED
        # Give a living owner time to mark it: its commit may still be travelling between the nodes
        # of a cluster, or a statement of another system that began long ago may have overwritten
        # the marker. abs(): a clock that is set back does not keep an owner alive for long.
        if abs(self.now - marker.written) < OWNER_LIFETIME:
            return Verdict.UNCLEAR
        if self.last_update == marker.seen and marker.seen_was_past:
            return Verdict.NOT_APPLIED
        return Verdict.AMBIGUOUS


_CLOCK = {
    # SYSDATE(), not NOW(): NOW() is when the statement began, before it waited for the lock.
    "mysql": "SYSDATE(), @@read_only",
    "sqlite": "datetime('now'), 'OFF'",
}
"""The server's time when it reads the row, and whether it refuses writes."""


def _read(target: Target, lock: str) -> CounterRow | None:
    table, column = target.kind.table, target.kind.column
    rows = query(
        PUBLIC,
        f"SELECT {column}, capacity, reserved, last_update, {_CLOCK[connections[PUBLIC].vendor]}"  # noqa: S608
        f" FROM {table} WHERE {column} = %s {lock}",
        target.id,
    )
    return _counter_row(target.kind, rows[0]) if rows else None


def _counter_row(kind: Kind, row: Row) -> CounterRow:
    """Raises OperationalError if the server is read-only: the primary may be another one by now."""
    id_, capacity, reserved, last_update, clock, read_only = row
    if str(read_only) not in {"0", "OFF"}:
        raise OperationalError(SERVER_READ_ONLY, "freshtrak_public is read-only now")
    now = moment(clock)
    assert now is not None
    return CounterRow(Target(kind, id_), capacity, reserved, moment(last_update), now)


def lock(target: Target) -> CounterRow | None:
    """Locks the row of `target` until the public transaction ends; None if the row is gone.

    Keeps other systems' bookings out while we decide, and makes `last_update` evidence: the owner
    of a pending movement holds this lock until its public transaction ends. It locks one row of one
    table (with a join, FOR UPDATE would lock the event and its date too), and is the first
    statement of its transaction (a read before it would pin an old snapshot under REPEATABLE READ).
    """
    return _read(target, row_lock(PUBLIC))


def lock_many(kind: Kind, row_ids: Sequence[int]) -> dict[int, CounterRow]:
    """Locks many rows of one table in the order of their ids; leaves out those that are gone.

    The order prevents deadlocks with moves.
    """
    if not row_ids:
        return {}
    column = kind.column
    rows = query(
        PUBLIC,
        f"SELECT {column}, capacity, reserved, last_update, {_CLOCK[connections[PUBLIC].vendor]}"  # noqa: S608
        f" FROM {kind.table} WHERE {column} IN ({ids(row_ids)}) ORDER BY {column}"
        f" {row_lock(PUBLIC)}",
        *row_ids,
    )
    return {row[0]: _counter_row(kind, row) for row in rows}


def read_unlocked(target: Target) -> CounterRow | None:
    """The row of `target` without a lock; None if it is gone.

    Good enough to display, and, under the ledger's lock, to decide what moves no counter.
    """
    return _read(target, lock="")


def move(row: CounterRow, movement: Movement, marker: Marker) -> None:
    """Moves the counter of a locked target and leaves the marker.

    Relative, so that changes by other systems are kept.
    """
    column = row.target.kind.column
    execute(
        PUBLIC,
        f"UPDATE {row.target.kind.table} SET reserved = reserved + %s, last_update = %s"  # noqa: S608
        f" WHERE {column} = %s",
        movement.delta,
        marker.written,
        row.target.id,
    )
    after = row.reserved + movement.delta
    _log_on_commit(row.target, movement.delta, before=row.reserved, after=after)


def roll_up(deltas: Mapping[int, int]) -> None:
    """Moves the counters of dates (by id) by what their slots moved, in the slots' transaction.

    After all slots and in the order of ids: dates are the hot rows, and one order of locks
    prevents deadlocks. No marker: dates commit together with their slots, and `last_update` of a
    date may be evidence for date-only bookings from before the date had slots. A date that is gone
    is skipped.
    """
    for event_date_id, delta in sorted(deltas.items()):
        if delta:
            execute(
                PUBLIC,
                "UPDATE event_dates SET reserved = reserved + %s WHERE event_date_id = %s",
                delta,
                event_date_id,
            )
            _log_on_commit(Target.date(event_date_id), delta)


def correct(kind: Kind, deltas: Mapping[int, int]) -> None:
    """Corrects the counters of locked rows (by id) by these amounts.

    Without a marker: nothing is pending at these rows, so a marker would be false evidence.
    """
    ids_of: dict[int, list[int]] = defaultdict(list)
    for row_id, delta in deltas.items():
        ids_of[delta].append(row_id)
    for delta, row_ids in ids_of.items():
        execute(
            PUBLIC,
            f"UPDATE {kind.table} SET reserved = reserved + %s"  # noqa: S608
            f" WHERE {kind.column} IN ({ids(row_ids)})",
            delta,
            *row_ids,
        )


def _log_on_commit(target: Target, delta: int, **values: int) -> None:
    """Writes one log line once the movement is committed."""

    def write() -> None:
        log.info(
            "counter_changed",
            database="freshtrak_public",
            target=str(target),
            delta=delta,
            **values,
        )

    transaction.on_commit(write, using=PUBLIC, robust=True)
