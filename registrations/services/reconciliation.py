"""Finds counters that do not match the registrations, and corrects them.

Compares three things: `reserved` in public, the ledger, and the rows of the registrations, which
are the source of truth.
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
from registrations.services import ledgers, redating, settlement, two_phase
from registrations.services.redating import Misplaced
from registrations.services.retry import retried
from registrations.services.two_phase import Unclear
from schedules import counters
from schedules.counters import CounterRow, Verdict
from schedules.targets import Kind, Target

log = structlog.get_logger(__name__)

DRIFT = PrometheusCounter(
    "freshtrak_drift_total", "Counters found drifted by reconcile_reserved.", ["outcome"]
)

BATCH = 2000
"""Counters compared at once, without a lock."""
LOCKED = {Kind.SLOT: 200, Kind.DATE: 20}
"""How many suspects are locked at once for a second look; a date is locked with its slots."""
RECENT = timedelta(minutes=1)
"""Longer than an operation, the reading of a batch, and the difference of clocks together."""


@dataclass(frozen=True)
class Drift:
    """A counter or a ledger that does not match the registrations."""

    event_date_id: int | None
    """None: the slot's hour is gone, so its date is unknown."""
    event_slot_id: int | None
    """None: this is the counter of the date."""
    capacity: int
    reserved: int
    counted: int
    """Registrations that hold a place."""
    drift: int
    """By how much `reserved` is too high (negative: too low), after the allowance."""
    ledger: tuple[int, int] | None
    """How many hold and wait according to the ledger, if that is wrong."""
    unsettled: bool
    """A process died there: `settle` will correct all or part of it."""
    ambiguous: int
    """Movements there that were settled without proof; each may have cost places."""


def reconcile(
    scope: Scope,
    *,
    fix: bool,
    allowance: int = 0,
    report: Callable[[Drift], None],
    report_misplaced: Callable[[Misplaced], None] = lambda misplaced: None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Reports each counter that has drifted: first slots, then dates.

    Beside the slots, it reports registrations whose slot PantryTrak has moved to another date; with
    `fix` they follow it.

    Counters that look wrong or moved recently are read again under their locks, which is exact even
    under live traffic. With `fix`, they are settled first and then corrected by a relative update.
    You can stop it at any time and start it again. Other systems may hold up to `allowance` places
    of each slot (for a date with slots: that many per slot). Only more than that, or fewer places
    than the registrations hold, is drift. `progress` gets the number of counters compared.

    Raises Busy if it cannot get a lock.
    """
    for kind, batches in ((Kind.SLOT, counts.slots), (Kind.DATE, counts.dates)):
        pending = _pending(kind)
        for batch in batches(scope, BATCH):
            if kind is Kind.SLOT:
                for found in redating.follow([counter.id for counter in batch], fix=fix):
                    report_misplaced(found)
            suspects = _suspects(kind, batch, allowance, pending)
            for start in range(0, len(suspects), LOCKED[kind]):
                ids = suspects[start : start + LOCKED[kind]]
                for drift in _examine(kind, ids, fix=fix, allowance=allowance):
                    report(drift)
            progress(len(batch))
            # Before the next batch is read: a movement settled meanwhile changes `reserved`.
            pending = _pending(kind)


def _pending(kind: Kind) -> set[int]:
    """The slots or dates whose `reserved` a pending movement changes."""
    return {id_ for ledger in ledgers.with_pending() for id_ in _affected(ledger, kind)}


def _suspects(
    kind: Kind, batch: Sequence[Counter], allowance: int, pending: Collection[int]
) -> list[int]:
    """The ids of counters that may have drifted, read without a lock.

    That includes every counter that moved while we read: we read `reserved` before the
    registrations, and a booking in between can make a wrong counter look right. Such a booking
    leaves an event in the trail, which we read last.
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
    """How many places of each slot or date may belong to other systems."""
    slots = counts.slots_of_dates(ids) if kind is Kind.DATE and allowance else {}
    return {id_: allowance * slots.get(id_, 1) for id_ in ids}


def _beyond(reserved: int, counted: int, room: int) -> int:
    """By how much `reserved` is above (or below) what registrations and room explain."""
    return max(reserved - counted - room, 0) + min(reserved - counted, 0)


def _miscounted(opened: dict[Target, Ledger]) -> dict[Target, Ledger]:
    """The ledgers that do not match their rows."""
    return {
        target: opened[target]
        for target, counted in targets.count_rows(opened).items()
        if (counted.holding, counted.waiting) != (opened[target].holding, opened[target].waiting)
    }


@retried
def _examine(kind: Kind, ids: Sequence[int], *, fix: bool, allowance: int) -> list[Drift]:
    """Reads the suspects again under their locks, and with `fix` corrects them."""
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
                raise TryAgain("A movement is pending there: settle it first.")
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
    """Settles what is pending at these slots, or anywhere that affects these dates."""
    for ledger in ledgers.with_pending():
        if _affected(ledger, kind).intersection(ids):
            settlement.settle_target(ledger.target)


@dataclass(frozen=True)
class _Locked:
    """What both databases contain while we hold all locks."""

    kind: Kind
    counters: dict[int, CounterRow]
    counted: dict[int, Counts]
    ledgers: dict[Target, Ledger]
    miscounted: dict[Target, Ledger]
    unsettled: set[int]
    """The ids with a pending movement that public does not show."""

    def drifts(self, room: dict[int, int]) -> dict[int, int]:
        """By how much `reserved` is wrong, for each id whose counter or ledger is wrong."""
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
    """Takes all locks in their order: ledgers first, then slots, then dates.

    Raises TryAgain if another operation meanwhile opened the first ledger of a target.
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
        for ledger in ledgers.with_pending()  # read last, to see everyone between the two commits
    ):
        raise TryAgain("Another operation just used a target for the first time.")
    own = {target: ledger for target, ledger in locked.items() if target.kind is kind}
    return _Locked(kind, of_kind, counted, own, _miscounted(own), unsettled)


def _is_applied(ledger: Ledger, counter: CounterRow | None) -> bool:
    """Whether public shows the pending movement. Raises Unclear."""
    assert ledger.pending is not None
    verdict = two_phase.verdict_on(ledger.pending, counter, timezone.now())
    if verdict is Verdict.UNCLEAR:
        raise Unclear(f"{ledger.target} has a pending movement whose owner may be alive")
    return verdict is Verdict.APPLIED


def _affected(ledger: Ledger, kind: Kind) -> set[int]:
    """The slots or dates whose `reserved` a pending movement changes."""
    if ledger.kind == kind:
        return {ledger.target_id}
    return set(ledger.pending.movement.by_date) if ledger.pending and kind is Kind.DATE else set()
