"""Finding counters that do not say what the registrations say, and making them right.

Three things are compared: `reserved` in public, the ledger, and the registrations' rows, which are
the truth.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter as PrometheusCounter

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import TryAgain
from registrations.models import Ledger
from registrations.queries import counts, targets
from registrations.queries.counts import Counter, Scope
from registrations.queries.targets import Counts
from registrations.services import ledgers, settlement, two_phase
from registrations.services.retry import retried
from registrations.services.two_phase import Unclear
from schedules import counters
from schedules.counters import CounterRow, Verdict
from schedules.targets import Kind, Target

log = structlog.get_logger(__name__)

DRIFT = PrometheusCounter(
    "freshtrak_drift_total", "Counters that had drifted when they were reconciled.", ["outcome"]
)

BATCH = 2000
"""Counters that are compared at once, without a lock."""
LOCKED = {Kind.SLOT: 200, Kind.DATE: 20}
"""Of those that seem wrong, how many are locked at once to look again; dates with their slots."""
RECENT = timedelta(minutes=1)
"""Longer than an operation takes, a batch is read, and clocks are apart."""


@dataclass(frozen=True)
class Drift:
    """A counter, or a ledger, that does not say what the registrations say."""

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
    ledger: tuple[int, int] | None
    """How many hold and wait as the ledger has it, where that is wrong."""
    unsettled: bool
    """A process died there: `settle` explains all or part of it."""
    ambiguous: int
    """Movements that were folded without proof there, each of which may have cost places."""


def reconcile(
    scope: Scope,
    *,
    fix: bool,
    allowance: int = 0,
    report: Callable[[Drift], None],
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Reports each counter that has drifted: first those of slots, then those of dates.

    What seems wrong at a glance, or moved recently, is looked at again under its locks, where it
    is exact, live traffic or not. With `fix` it is settled first and then made right, by a relative
    update; it can be stopped at any time and started again. Other systems may hold up to
    `allowance` places of each slot (of a date with slots: that many for each of them): only what
    goes beyond, or falls below the registrations, is drift. `progress` is told how many counters
    were compared.

    Raises Busy if a lock cannot be had.
    """
    for kind, batches in ((Kind.SLOT, counts.slots), (Kind.DATE, counts.dates)):
        pending = _pending(kind)
        for batch in batches(scope, BATCH):
            suspects = _suspects(kind, batch, allowance, pending)
            for start in range(0, len(suspects), LOCKED[kind]):
                ids = suspects[start : start + LOCKED[kind]]
                for drift in _examine(kind, ids, fix=fix, allowance=allowance):
                    report(drift)
            progress(len(batch))
            pending = _pending(kind)  # before the next batch is read: what settles meanwhile moves


def _pending(kind: Kind) -> set[int]:
    """The slots, or dates, whose `reserved` a pending movement moves."""
    return {id_ for ledger in ledgers.with_pending() for id_ in _affected(ledger, kind)}


def _suspects(
    kind: Kind, batch: Sequence[Counter], allowance: int, pending: Collection[int]
) -> list[int]:
    """The ids of those that may have drifted, read without a lock.

    Besides what looks wrong that is all that moved while we read: `reserved` was read before the
    registrations, and a booking in between can make a wrong counter look right. It has left a
    fact in the trail, which is read last.
    """
    ids = [counter.id for counter in batch]
    counted = counts.rows_at(kind, ids)
    room = _room(kind, ids, allowance)
    wrong = {
        counter.id
        for counter in batch
        if _beyond(counter.reserved, counted.get(counter.id, Counts()).holding, room[counter.id])
    }
    opened = {ledger.target: ledger for ledger in ledgers.existing(kind, ids)}
    wrong |= {target.id for target in _miscounted(opened)}
    wrong |= {target.id for target, ledger in opened.items() if ledger.pending}
    wrong |= {*pending, *_pending(kind)}
    wrong |= counts.moved_since(timezone.now() - RECENT, kind)
    return [id_ for id_ in ids if id_ in wrong]


def _room(kind: Kind, ids: Collection[int], allowance: int) -> dict[int, int]:
    """How many places of each slot or date may be other systems'."""
    slots = counts.slots_of_dates(ids) if kind is Kind.DATE and allowance else {}
    return {id_: allowance * slots.get(id_, 1) for id_ in ids}


def _beyond(reserved: int, counted: int, room: int) -> int:
    """By how much `reserved` lies above (or below) what the registrations and the room explain."""
    return max(reserved - counted - room, 0) + min(reserved - counted, 0)


def _miscounted(opened: dict[Target, Ledger]) -> dict[Target, Ledger]:
    """The ledgers that do not say what their rows say."""
    return {
        target: opened[target]
        for target, counted in targets.count_rows(opened).items()
        if (counted.holding, counted.waiting) != (opened[target].holding, opened[target].waiting)
    }


@retried
def _examine(kind: Kind, ids: Sequence[int], *, fix: bool, allowance: int) -> list[Drift]:
    """Looks again under the locks, and with `fix` makes right what is wrong."""
    if fix:
        _settle(kind, ids)
    room = _room(kind, ids, allowance)
    involved = {Target(kind, id_) for id_ in ids}
    if kind is Kind.DATE:
        involved |= counts.slots_on(ids)
        pending = ledgers.with_pending()
        involved |= {ledger.target for ledger in pending if _affected(ledger, kind) & set(ids)}
    with ExitStack() as public:
        with transaction.atomic(using=PRIVATE, durable=True):
            locked = _lock_and_read(kind, ids, involved, public)
            if fix and locked.unsettled:
                raise TryAgain("A movement is pending there: it is settled first.")
            drifts = locked.drifts(room)
            if fix:
                ledgers.recount(locked.miscounted)
        if fix:
            counters.correct(kind, {id_: -drift for id_, drift in drifts.items() if drift})
    drifted = locked.describe(drifts)
    for drift in drifted if fix else []:
        log.warning("drift_fixed", **asdict(drift))
    DRIFT.labels("fixed" if fix else "found").inc(len(drifted))
    return drifted


def _settle(kind: Kind, ids: Sequence[int]) -> None:
    """Settles what is pending at these slots, or anywhere with an effect on these dates."""
    for ledger in ledgers.with_pending():
        if _affected(ledger, kind).intersection(ids):
            settlement.settle_target(ledger.target)


@dataclass(frozen=True)
class _Locked:
    """What stands in both databases while all locks are held."""

    kind: Kind
    counters: dict[int, CounterRow]
    counted: dict[int, Counts]
    ledgers: dict[Target, Ledger]
    miscounted: dict[Target, Ledger]
    unsettled: set[int]
    """The ids at which a movement is pending that public does not show."""

    def drifts(self, room: dict[int, int]) -> dict[int, int]:
        """By how much `reserved` is wrong, for each id where it or the ledger is."""
        drifts = {
            id_: _beyond(counter.reserved, self.holding(id_), room[id_])
            for id_, counter in self.counters.items()
        }
        return {
            id_: drift
            for id_, drift in drifts.items()
            if drift or Target(self.kind, id_) in self.miscounted
        }

    def holding(self, id_: int) -> int:
        return self.counted.get(id_, Counts()).holding

    def describe(self, drifts: dict[int, int]) -> list[Drift]:
        date_of = counts.dates_of_slots(drifts) if self.kind is Kind.SLOT else {}
        return [
            self._describe(Target(self.kind, id_), drift, date_of) for id_, drift in drifts.items()
        ]

    def _describe(self, target: Target, drift: int, date_of: dict[int, int]) -> Drift:
        counter = self.counters[target.id]
        ledger, wrong = self.ledgers.get(target), self.miscounted.get(target)
        return Drift(
            event_date_id=target.id if target.is_date else date_of.get(target.id),
            event_slot_id=None if target.is_date else target.id,
            capacity=counter.capacity,
            reserved=counter.reserved,
            counted=self.holding(target.id),
            drift=drift,
            ledger=(wrong.holding, wrong.waiting) if wrong else None,
            unsettled=target.id in self.unsettled,
            ambiguous=ledger.ambiguous if ledger else 0,
        )


def _lock_and_read(
    kind: Kind, ids: Sequence[int], involved: Collection[Target], public: ExitStack
) -> _Locked:
    """Takes all locks, in their order: ledgers, then slots, and dates last.

    Raises TryAgain if somebody was at a target meanwhile whose ledger was not open yet.
    """
    locked = ledgers.lock_existing(involved)
    pending = [ledger for ledger in locked.values() if ledger.pending]
    public.enter_context(transaction.atomic(using=PUBLIC, durable=True))
    slots = [ledger.target_id for ledger in pending if not ledger.target.is_date]
    of_slots = counters.lock_many(Kind.SLOT, ids if kind is Kind.SLOT else slots)
    of_kind = of_slots if kind is Kind.SLOT else counters.lock_many(Kind.DATE, ids)
    by_target = {row.target: row for row in (*of_slots.values(), *of_kind.values())}
    unsettled: set[int] = set()
    for ledger in pending:
        if not _is_applied(ledger, by_target.get(ledger.target)):
            unsettled |= _affected(ledger, kind).intersection(ids)
    counted = counts.rows_at(kind, ids)
    if any(
        ledger.target not in locked and _affected(ledger, kind).intersection(ids)
        for ledger in ledgers.with_pending()  # read last: nobody is between the two commits unseen
    ):
        raise TryAgain("Somebody used a target for the first time.")
    own = {target: ledger for target, ledger in locked.items() if target.kind is kind}
    return _Locked(kind, of_kind, counted, own, _miscounted(own), unsettled)


def _is_applied(ledger: Ledger, counter: CounterRow | None) -> bool:
    """Whether public shows the movement that is pending. Raises Unclear."""
    assert ledger.pending is not None
    verdict = two_phase.verdict_on(ledger.pending, counter, timezone.now())
    if verdict is Verdict.UNCLEAR:
        raise Unclear(f"{ledger.target} has a movement pending whose owner may be alive")
    return verdict is Verdict.APPLIED


def _affected(ledger: Ledger, kind: Kind) -> set[int]:
    """The slots, or dates, whose `reserved` a pending movement moves."""
    if ledger.kind == kind:
        return {ledger.target_id}
    return set(ledger.pending.movement.by_date) if ledger.pending and kind is Kind.DATE else set()
