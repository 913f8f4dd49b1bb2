"""Making the counters exact where nobody books again, and where they have drifted."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter as PrometheusCounter

from audit.models import AuditEvent
from freshtrak.databases import PUBLIC
from registrations.errors import Busy
from registrations.queries import counts
from registrations.queries.counts import Counter, Scope
from registrations.services import protocol, settlement
from schedules import counters
from schedules.counters import Target

log = structlog.get_logger(__name__)

DRIFT = PrometheusCounter(
    "freshtrak_drift_total", "Counters that had drifted when they were reconciled.", ["outcome"]
)

BATCH = 2000
"""Counters that are compared at once, without a lock."""
LOCKED = 200
"""Of those that seem wrong, how many are locked at once to look again."""
LATELY = timedelta(minutes=1)
"""Longer than an operation takes, a batch is read, and clocks are apart."""
MARKING = 0.5
"""Seconds that a live process has at the most, under our lock, to mark what it committed."""


def settle() -> tuple[int, int]:
    """Settles every target that has unsettled events; returns how many events, and how many left.

    Left are those whose owner may still be alive, and targets that others keep locked: the next
    run finds them. Safe at any time and from several machines at once.
    """
    rows = AuditEvent.objects.unsettled().order_by("pk")
    targets = dict.fromkeys(
        Target.of(event_slot_id=slot_id, event_date_id=date_id)
        for slot_id, date_id in rows.values_list("event_slot_id", "event_date_id")
    )
    settled = 0
    for target in targets:
        try:
            while marked := _settle_one(target):
                settled += marked
        except Busy:
            log.warning("settle_busy", target=str(target))
    return settled, AuditEvent.objects.unsettled().count()


@protocol.retried
def _settle_one(target: Target) -> int:
    return settlement.settle(target, at=timezone.now())


@dataclass(frozen=True)
class Drift:
    """A counter that does not say what the registrations say."""

    event_date_id: int | None
    """None: the hour of the slot is gone, and nobody knows its date."""
    event_slot_id: int | None
    """None: the counter of the date."""
    capacity: int
    reserved: int
    counted: int
    """Registrations that hold a place."""
    drift: int
    """By how much `reserved` is too high (or too low: negative), allowance considered."""
    unsettled: bool
    """A process died there: `settle` explains all or part of it."""
    ambiguous: int
    """Events that were settled without proof there, each of which may have cost one place."""


Progress = Callable[[int], None]


def reconcile(
    scope: Scope, *, fix: bool, allowance: int = 0, progress: Progress = lambda done: None
) -> Iterator[Drift]:
    """Each counter that has drifted: first those of slots, then those of dates.

    What seems wrong at a glance, or moved lately, is looked at again under its lock, where it is
    exact, live traffic or not. With `fix` it is then settled and made right, by a relative update;
    it can be stopped at any time and started again. Other systems may hold up to `allowance`
    places of each slot (of a date with slots: that many for each of them): only what goes beyond,
    or falls below the registrations, is drift. `progress` is told how many were compared.

    Raises Busy if a lock cannot be had.
    """
    for is_date, batches in ((False, counts.slots), (True, counts.dates)):
        for batch in batches(scope, BATCH):
            suspects = _suspects(is_date, batch, allowance)
            for at in range(0, len(suspects), LOCKED):
                yield from _examine(is_date, suspects[at : at + LOCKED], fix, allowance)
            progress(len(batch))


def _suspects(is_date: bool, batch: Sequence[Counter], allowance: int) -> list[Counter]:
    """Those that may have drifted, read without a lock.

    Besides what looks wrong that is all that moved while we read: `reserved` was read before the
    registrations, and a booking in between can make a wrong counter look right. It has left an
    event, which is read last.
    """
    ids = [counter.id for counter in batch]
    counted = counts.holding(is_date=is_date, ids=ids)
    room = _room(is_date, ids, allowance)
    moved = counts.moved_since(timezone.now() - LATELY, is_date=is_date, ids=ids)
    return [
        counter
        for counter in batch
        if counter.id in moved
        or _beyond(counter.reserved, counted.get(counter.id, 0), room[counter.id])
    ]


def _room(is_date: bool, ids: Sequence[int], allowance: int) -> dict[int, int]:
    """How many places of each slot or date may be other systems'."""
    slots = counts.slots_of_dates(ids) if is_date and allowance else {}
    return {row_id: allowance * slots.get(row_id, 1) for row_id in ids}


def _beyond(reserved: int, counted: int, room: int) -> int:
    """By how much `reserved` lies above (or below) what the registrations and the room explain."""
    return max(reserved - counted - room, 0) + min(reserved - counted, 0)


@protocol.retried
def _examine(is_date: bool, suspects: Sequence[Counter], fix: bool, allowance: int) -> list[Drift]:
    ids = [counter.id for counter in suspects]
    if fix:
        _settle_at(is_date, ids)
    room = _room(is_date, ids, allowance)
    with transaction.atomic(using=PUBLIC, durable=True):
        locked = counters.lock_many(is_date=is_date, ids=ids)
        # Under the locks nobody is between the two commits. Whoever lives marks now what was
        # committed; what stays unsettled belongs to the dead, and its counter may not have moved.
        dead = _left_unsettled(is_date, ids)
        if fix and dead:
            raise protocol.TryAgain("A process died there: it is settled first.")
        counted = counts.holding(is_date=is_date, ids=ids)
        drifts = {
            row_id: drift
            for row_id, row in locked.items()
            if (drift := _beyond(row.reserved, counted.get(row_id, 0), room[row_id]))
        }
        if fix:
            correction = {row_id: -drift for row_id, drift in drifts.items()}
            counters.correct(is_date=is_date, deltas=correction)
    ambiguous = counts.ambiguous(is_date=is_date, ids=drifts)
    date_of = {} if is_date else counts.dates_of_slots(drifts)
    found = [
        Drift(
            event_date_id=row_id if is_date else date_of.get(row_id),
            event_slot_id=None if is_date else row_id,
            capacity=locked[row_id].capacity,
            reserved=locked[row_id].reserved,
            counted=counted.get(row_id, 0),
            drift=drift,
            unsettled=row_id in dead,
            ambiguous=ambiguous.get(row_id, 0),
        )
        for row_id, drift in drifts.items()
    ]
    for each in found if fix else []:
        log.warning("drift_fixed", **asdict(each))
    DRIFT.labels("fixed" if fix else "found").inc(len(found))
    return found


def _left_unsettled(is_date: bool, ids: Sequence[int]) -> set[int]:
    deadline = time.monotonic() + MARKING
    while left := counts.unsettled(is_date=is_date, ids=ids):
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left


def _settle_at(is_date: bool, ids: Sequence[int]) -> None:
    """Settles what the dead left at these slots, or at these dates and all their slots."""
    column = "event_date_id" if is_date else "event_slot_id"
    rows = AuditEvent.objects.unsettled().filter(**{f"{column}__in": ids}).order_by("pk")
    targets = {
        Target.of(event_slot_id=slot_id, event_date_id=date_id)
        for slot_id, date_id in rows.values_list("event_slot_id", "event_date_id")
    }
    for target in sorted(targets):
        while settlement.settle(target, at=timezone.now()):
            pass
