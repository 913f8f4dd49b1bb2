"""The one place that locks a public row and writes one.

A target is what a household books: a slot, or a date that has no slots. Its row is the mutex
of all that is decided about it, and its `reserved` the counter. Beside `reserved` we write one
column, `last_update`, as a **marker**: evidence that a public commit did or did not happen, for
whoever comes after a process that died between the two commits.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import structlog
from django.db import transaction
from django.db.models import DateTimeField, F, Func
from prometheus_client import Histogram

from freshtrak.databases import PUBLIC
from schedules.models import EventDate, EventSlot

log = structlog.get_logger(__name__)

LOCK_WAIT = Histogram(
    "freshtrak_lock_seconds",
    "Seconds until the row of a slot or date was locked.",
    buckets=(0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10),
)

SETTLING_AGE = timedelta(seconds=7)
"""Older than this, the owner of an unexplained event counts as dead: it has 5 s between its
commits and its mark, and its marker lies up to 2 s before its lock."""


@dataclass(frozen=True, order=True)
class Target:
    """A slot or a date-only date. Sorted in the order of locking: slots by id, then dates."""

    is_date: bool
    id: int

    @classmethod
    def of(cls, *, event_slot_id: int | None, event_date_id: int | None) -> "Target":
        """The slot if there is one, else the date."""
        if event_slot_id is not None:
            return cls(False, event_slot_id)
        assert event_date_id is not None
        return cls(True, event_date_id)

    def __str__(self) -> str:
        return f"{'date' if self.is_date else 'slot'} {self.id}"


class Verdict(Enum):
    """What `last_update` says of an update that is not known to be committed."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"  # another system wrote since; the owner may be alive
    AMBIGUOUS = "ambiguous"  # another system wrote since; the owner is dead


@dataclass(frozen=True)
class Marker:
    """`last_update` as one update found it and as it leaves it (the public server's clock)."""

    seen: datetime | None
    written: datetime
    seen_was_past: bool
    """Whether `seen` lay before the moment of the update: then nobody can write it again."""


@dataclass(frozen=True)
class Locked:
    """A target's row as it stands under our lock."""

    target: Target
    capacity: int
    reserved: int
    last_update: datetime | None
    now: datetime
    """The public server's clock after the lock was granted, whole seconds."""

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

    def judge(self, marker: Marker) -> Verdict:
        """What became of the update that was to leave `marker`."""
        if self.last_update == marker.written:
            return Verdict.APPLIED
        if self.last_update == marker.seen and marker.seen_was_past:
            return Verdict.NOT_APPLIED
        # abs(): a server clock that is set back must not keep an event young for an hour.
        if abs(self.now - marker.written) < SETTLING_AGE:
            return Verdict.UNCLEAR
        return Verdict.AMBIGUOUS


class _ServerClock(Func):
    """The public server's time when the row is read.

    SYSDATE(), not NOW(): NOW() is when the statement began, before it waited for the lock.
    """

    function = "SYSDATE"
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="datetime('now')", **context)


def _table(target: Target) -> Any:
    model: Any = EventDate if target.is_date else EventSlot
    return model.objects.using(PUBLIC).filter(pk=target.id)


def lock(target: Target) -> Locked | None:
    """Locks the row of `target` until the public transaction ends; None if the row is gone.

    Prevents every race about one target: two bookings of the last place, a cancellation between
    the look at the counter and the waitlisting. One row of one table (over a join, FOR UPDATE
    would lock the event and its date as well), and the first statement of its transaction
    (a read before it would pin an old snapshot under REPEATABLE READ).
    """
    with LOCK_WAIT.time():
        row = (
            _table(target)
            .select_for_update()
            .annotate(server_clock=_ServerClock())
            .values("capacity", "reserved", "last_update", "server_clock")
            .first()
        )
    if row is None:
        return None
    return Locked(target=target, now=row.pop("server_clock"), **row)


def lock_many(*, is_date: bool, ids: Sequence[int]) -> dict[int, Locked]:
    """Locks many rows of one table at once, in the order of their ids; without those that are gone.

    As `lock`: the first statement of its transaction. The order prevents deadlocks with moves.
    """
    model: Any = EventDate if is_date else EventSlot
    rows = (
        model.objects.using(PUBLIC)
        .filter(pk__in=ids)
        .order_by("pk")
        .select_for_update()
        .annotate(server_clock=_ServerClock())
        .values("pk", "capacity", "reserved", "last_update", "server_clock")
    )
    return {
        row["pk"]: Locked(Target(is_date, row.pop("pk")), now=row.pop("server_clock"), **row)
        for row in rows
    }


def correct(*, is_date: bool, deltas: Mapping[int, int]) -> None:
    """Moves the counters of locked rows (by id) by what they have drifted.

    Without a marker: no event's evidence may hang on these rows, so none is overwritten.
    """
    ids_of: dict[int, list[int]] = defaultdict(list)
    for row_id, delta in deltas.items():
        ids_of[delta].append(row_id)
    model: Any = EventDate if is_date else EventSlot
    for delta, ids in ids_of.items():
        rows = model.objects.using(PUBLIC).filter(pk__in=ids)
        rows.update(reserved=F("reserved") + delta)


def look(target: Target) -> tuple[int, int] | None:
    """Capacity and `reserved` as they stand, without a lock: to show, never to decide by."""
    return _table(target).values_list("capacity", "reserved").first()


def add(locked: Locked, delta: int, marker: Marker) -> None:
    """Moves the counter of a locked target by `delta` and leaves the marker.

    Relative, so that what other systems add or take meanwhile is kept.
    """
    rows = _table(locked.target)
    rows.update(reserved=F("reserved") + delta, last_update=marker.written)
    _tell(locked.target, delta, before=locked.reserved, after=locked.reserved + delta)


def _tell(target: Target, delta: int, **values: int) -> None:
    """A line in the log, once the movement is committed."""

    def say() -> None:
        log.info(
            "counter_changed",
            database="freshtrak_public",
            target=str(target),
            delta=delta,
            **values,
        )

    transaction.on_commit(say, using=PUBLIC, robust=True)


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
            _tell(Target(True, event_date_id), delta)
