"""The one place that locks a public row and writes one.

`reserved` of a target is its counter. It follows what freshtrak_private decides. Beside it we
write one column, `last_update`, as a **marker**: evidence of whether a public commit happened, for
whoever comes after a process that died on the way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import structlog
from django.db import OperationalError, transaction
from django.db.models import CharField, DateTimeField, F, Func

from freshtrak.databases import PUBLIC, SERVER_READ_ONLY
from schedules.models import EventDate
from schedules.targets import Kind, Target

log = structlog.get_logger(__name__)

OWNER_LIFETIME = timedelta(seconds=7)
"""The owner of a pending movement older than this counts as dead: it has 5 s from its lock to its
mark, and its marker lies up to 2 s before its lock."""


@dataclass(frozen=True)
class Movement:
    """By how much `reserved` of a target moves, and that of each date with it."""

    delta: int = 0
    by_date: Mapping[int, int] = field(default_factory=dict)
    """The roll-up on dates, by id. Empty where the target is a date itself."""

    def __add__(self, other: Movement) -> Movement:
        dates = Counter(self.by_date)
        dates.update(other.by_date)
        return Movement(self.delta + other.delta, {day: n for day, n in dates.items() if n})

    def __bool__(self) -> bool:
        return bool(self.delta) or any(self.by_date.values())

    def only_taking(self) -> Movement:
        """The part that takes places. To apply it twice can only undersell."""
        taken = {day: delta for day, delta in self.by_date.items() if delta > 0}
        return Movement(max(self.delta, 0), taken)


class Verdict(Enum):
    """What `last_update` says of an update that is not known to be committed."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"  # the owner may be alive, and about to tell
    AMBIGUOUS = "ambiguous"  # another system wrote since; the owner is dead


@dataclass(frozen=True)
class Marker:
    """`last_update` as one update found it and as it leaves it (the public server's clock)."""

    seen: datetime | None
    written: datetime
    seen_was_past: bool
    """Whether `seen` lay before the moment of the update: then nobody writes it as the present."""


@dataclass(frozen=True)
class CounterRow:
    """A target's public row: as it stands under our lock, or as a plain read found it."""

    target: Target
    capacity: int
    reserved: int
    last_update: datetime | None
    now: datetime
    """The public server's clock when the row was read, whole seconds."""

    def marker(self) -> Marker:
        """A second in the past that differs from what stands there.

        Other writers write the present, so within the protocol's time this value is ours alone.
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
        """What became of the update that was to leave `marker`. Only under the lock."""
        if self.last_update == marker.written:
            return Verdict.APPLIED
        # A living owner is left the time to tell: its commit may still be on its way between the
        # nodes of a cluster, or a statement of another system that began long ago may have
        # written over the marker. abs(): a clock that is set back keeps no owner alive for long.
        if abs(self.now - marker.written) < OWNER_LIFETIME:
            return Verdict.UNCLEAR
        if self.last_update == marker.seen and marker.seen_was_past:
            return Verdict.NOT_APPLIED
        return Verdict.AMBIGUOUS


class _ServerClock(Func):
    """The public server's time when the row is read.

    SYSDATE(), not NOW(): NOW() is when the statement began, before it waited for the lock.
    """

    function = "SYSDATE"
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="datetime('now')", **context)


class _ServerIsReadOnly(Func):
    """Whether the server takes no writes, as an old primary does after a failover."""

    template = "@@read_only"
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="'OFF'", **context)


_COLUMNS = ("pk", "capacity", "reserved", "last_update", "server_clock", "server_is_read_only")


def _rows(kind: Kind, ids: Sequence[int]) -> Any:
    model: Any = kind.model
    return (
        model.objects.using(PUBLIC)
        .filter(pk__in=ids)
        .annotate(server_clock=_ServerClock(), server_is_read_only=_ServerIsReadOnly())
    )


def _counter_row(target: Target, values: dict[str, Any]) -> CounterRow:
    """Raises OperationalError if the server is read-only: others may book at the new primary."""
    if str(values["server_is_read_only"]) not in {"0", "OFF"}:
        raise OperationalError(SERVER_READ_ONLY, "freshtrak_public is read-only now")
    return CounterRow(
        target=target,
        capacity=values["capacity"],
        reserved=values["reserved"],
        last_update=values["last_update"],
        now=values["server_clock"],
    )


def lock(target: Target) -> CounterRow | None:
    """Locks the row of `target` until the public transaction ends; None if the row is gone.

    Keeps other systems' bookings out while we decide, and makes `last_update` evidence: the owner
    of a pending movement holds this lock until its public transaction ends. One row of one table
    (over a join, FOR UPDATE would lock the event and its date as well), and the first statement of
    its transaction (a read before it would pin an old snapshot under REPEATABLE READ).
    """
    values = _rows(target.kind, [target.id]).select_for_update().values(*_COLUMNS).first()
    return _counter_row(target, values) if values else None


def lock_many(kind: Kind, ids: Sequence[int]) -> dict[int, CounterRow]:
    """Locks many rows of one table, in the order of their ids; without those that are gone.

    The order prevents deadlocks with moves.
    """
    if not ids:
        return {}
    rows = _rows(kind, ids).order_by("pk").select_for_update().values(*_COLUMNS)
    return {row["pk"]: _counter_row(Target(kind, row["pk"]), row) for row in rows}


def read_unlocked(target: Target) -> CounterRow | None:
    """The row of `target` without a lock; None if it is gone.

    Enough to show, and, under the ledger's lock, to decide what moves no counter.
    """
    values = _rows(target.kind, [target.id]).values(*_COLUMNS).first()
    return _counter_row(target, values) if values else None


def move(row: CounterRow, movement: Movement, marker: Marker) -> None:
    """Moves the counter of a locked target and leaves the marker.

    Relative, so that what other systems add or take meanwhile is kept.
    """
    rows = row.target.kind.model.objects.using(PUBLIC).filter(pk=row.target.id)
    rows.update(reserved=F("reserved") + movement.delta, last_update=marker.written)
    after = row.reserved + movement.delta
    _log_on_commit(row.target, movement.delta, before=row.reserved, after=after)


def roll_up(deltas: Mapping[int, int]) -> None:
    """Moves the counters of dates (by id) by what their slots moved, in the slots' transaction.

    After all slots and in the order of ids: dates are the hot rows, and one order of locks
    prevents deadlocks. No marker: they commit with the slots', and `last_update` of a date may
    be evidence for date-only bookings from before the date had slots. Nothing happens if a date
    is gone.
    """
    for event_date_id, delta in sorted(deltas.items()):
        if delta:
            date = EventDate.objects.using(PUBLIC).filter(pk=event_date_id)
            date.update(reserved=F("reserved") + delta)
            _log_on_commit(Target.date(event_date_id), delta)


def correct(kind: Kind, deltas: Mapping[int, int]) -> None:
    """Moves the counters of locked rows (by id) by what they have drifted.

    Without a marker: nothing is pending at these rows, and no evidence is to be made up.
    """
    ids_of: dict[int, list[int]] = defaultdict(list)
    for row_id, delta in deltas.items():
        ids_of[delta].append(row_id)
    model: Any = kind.model
    for delta, ids in ids_of.items():
        model.objects.using(PUBLIC).filter(pk__in=ids).update(reserved=F("reserved") + delta)


def _log_on_commit(target: Target, delta: int, **values: int) -> None:
    """A line in the log, once the movement is committed."""

    def write() -> None:
        log.info(
            "counter_changed",
            database="freshtrak_public",
            target=str(target),
            delta=delta,
            **values,
        )

    transaction.on_commit(write, using=PUBLIC, robust=True)
