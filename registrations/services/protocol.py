"""Two databases move as one: the two-commit protocol under every change of a place.

    with protocol.locked(target, at=at) as operation:          # 1  public: lock the target
        …decide, on operation.place…
        with operation.writing():                              # 2  public: move the counters
            …write…                                            # 3  private transaction
                                                               #    private COMMIT, then public
                                                               # 4  mark the events settled

The decision is durable while the target is still locked; the counter follows. What a process
leaves that dies in between, `settlement` makes exact. docs/protocol.md tells the whole story.
"""

from collections import Counter as Multiset
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog
import tenacity
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone
from prometheus_client import Counter

from audit import trail
from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import Busy
from registrations.models import EventRegistration, EventStatus, Status
from registrations.queries import places
from registrations.services import settlement
from schedules import counters
from schedules.counters import Marker, Target, Verdict

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = Counter(
    "freshtrak_retries_total", "Operations that were tried again.", ["operation", "why"]
)

PATIENCE = 10.0
"""Seconds that an operation tries for; longer than counters.SETTLING_AGE, so that it can see a
dead owner's event grow old."""


class TryAgain(Exception):
    """Nothing was written; what stood in the way goes away when the operation starts anew."""


class Unsettled(TryAgain):
    """A process that died left this target's counter in doubt: settle first."""

    def __init__(self, target: Target) -> None:
        super().__init__(f"{target} is unsettled")
        self.target = target


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed if tried again: nothing was committed.

    Deadlock (1213), lock wait timeout (1205), a row changed under a snapshot (1020); SQLite's
    "database is locked".
    """
    if isinstance(error, TryAgain):
        return True
    return isinstance(error, OperationalError) and (
        error.args[:1] in [(1213,), (1205,), (1020,)] or "is locked" in str(error)
    )


def retried(operation: Callable[P, R]) -> Callable[P, R]:
    """Tries the whole operation again while its failure is transient, bounded, with jitter.

    Raises Busy when patience runs out. Never inside a transaction: the operation owns both.
    """

    @wraps(operation)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return operation(*args, **kwargs)
        except Unsettled as found:
            settlement.settle(found.target, at=timezone.now())
            raise

    retrying = tenacity.retry(
        retry=tenacity.retry_if_exception(is_transient),
        stop=lambda state: (state.seconds_since_start or 0) >= PATIENCE,
        wait=tenacity.wait_random_exponential(multiplier=0.01, max=0.5),
        before_sleep=lambda state: _note_retry(operation.__name__, state),
        reraise=True,
    )(attempt)  # fmt: skip

    @wraps(operation)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return retrying(*args, **kwargs)
        except (TryAgain, OperationalError) as error:
            if is_transient(error):
                raise Busy from error
            raise

    return bounded


def _note_retry(operation: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    RETRIES.labels(operation, type(error).__name__).inc()
    log.info("retried", operation=operation, attempt=state.attempt_number, why=str(error))


class Place:
    """A locked target and what an operation does to it.

    `take` and `release` decide, under the lock and before anything is written; `log` adds the
    events that say so, once the registration has an id.
    """

    def __init__(self, target: Target, *, at: datetime) -> None:
        self.target, self.at = target, at
        self.row = counters.lock(target)
        self.proved: list[int] = []
        for movement in settlement.movements(self.row) if self.row else []:
            if movement.verdict is not Verdict.APPLIED:
                raise Unsettled(target)
            self.proved += movement.ids
        self.tally = places.tally(target)
        self.delta = 0
        self.date_deltas: Multiset[int] = Multiset()
        self.events: list[AuditEvent] = []
        self.marker: Marker | None = None

    @property
    def free(self) -> int:
        """Places that can be given now; negative when more are taken than there are.

        What other systems took counts as `reserved` says; what we gave counts even if somebody
        lowered `reserved` below it.
        """
        if self.row is None:
            return 0
        return self.row.capacity - max(self.row.reserved, self.tally.holding) - self.delta

    def status(self, status: Status) -> EventStatus:
        return self.tally.statuses[status]

    def take(self, event_date_id: int | None) -> None:
        self._move(event_date_id, +1)

    def release(self, event_date_id: int | None) -> None:
        self._move(event_date_id, -1)

    def _move(self, event_date_id: int | None, delta: int) -> None:
        self.delta += delta
        if event_date_id is not None and not self.target.is_date:
            self.date_deltas[event_date_id] += delta

    def move_counter(self) -> None:
        """The public UPDATE of the net movement. −1 and +1 of one operation need none."""
        if self.row is not None and self.delta:
            self.marker = self.row.marker()
            counters.add(self.row, self.delta, self.marker)

    def change(self, registration: EventRegistration, status: Status, *, by: Actor) -> None:
        """Writes the registration's row with its new status."""
        # Guarded by the status that was read under our lock: a check-in takes no lock of ours.
        if not registration.become(self.status(status), at=self.at, by=by.legacy_id):
            raise TryAgain("The registration was changed meanwhile.")

    def log(
        self,
        action: AuditEvent.Action,
        registration: EventRegistration,
        *,
        delta: int,
        by: Actor,
        **details: Any,
    ) -> None:
        """Writes one event of the trail; unsettled if the counter moves with it."""
        assert registration.pk is not None
        event = AuditEvent(
            at=self.at,
            action=action,
            registration_id=registration.pk,
            household_id=registration.household_id,
            event_date_id=registration.event_date_id,
            event_slot_id=registration.event_slot_id,
            actor_kind=by.kind,
            actor_id=by.id,
            details=details,
            delta=delta if self.row else 0,
            reserved_seen=self.row.reserved if self.row else None,
            settled_at=self.at,
        )
        if delta and self.marker:
            event.last_update_seen = self.marker.seen
            event.last_update_written = self.marker.written
            event.seen_was_past = self.marker.seen_was_past
            event.settled_at = None
        trail.append(event)
        self.events.append(event)

    @property
    def unsettled_ids(self) -> list[int]:
        return [event.pk for event in self.events if event.settled_at is None]


class Operation:
    """One change of places at one or more locked targets."""

    def __init__(self, places: dict[Target, Place]) -> None:
        self.places = places
        self.is_durable = False
        """Whether the private commit happened: from then on the operation has succeeded."""

    @property
    def place(self) -> Place:
        """The only target's place."""
        (place,) = self.places.values()
        return place

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Moves the counters (public first: the order of locks), then opens private."""
        date_deltas: Multiset[int] = Multiset()
        for place in self.places.values():
            place.move_counter()
            date_deltas.update(place.date_deltas if place.row else {})
        counters.roll_up(date_deltas)
        with transaction.atomic(using=PRIVATE, durable=True):
            yield
            for place in self.places.values():
                if place.row and sum(event.delta for event in place.events) != place.delta:
                    raise AssertionError(f"The trail of {place.target} does not add up.")
                if place.proved:
                    trail.settle(place.proved, at=place.at)
        self.is_durable = True


@contextmanager
def locked(*targets: Target, at: datetime) -> Iterator[Operation]:
    """Locks the targets in order and runs the body under the protocol.

    A public commit that fails after the private one is no error for the caller: the decision
    is durable, and the next operation or `settle` moves the counter.

    Raises Unsettled if a target has to be settled first, and what the databases raise.
    """
    operation: Operation | None = None
    try:
        with transaction.atomic(using=PUBLIC, durable=True):
            operation = Operation({target: Place(target, at=at) for target in sorted(set(targets))})
            yield operation
    except (DatabaseError, InterfaceError):
        if operation is None or not operation.is_durable:
            raise
        log.exception("public_commit_failed", targets=[str(target) for target in targets])
        return
    _mark_settled([i for place in operation.places.values() for i in place.unsettled_ids])


def _mark_settled(event_ids: list[int]) -> None:
    if not event_ids:
        return
    try:
        trail.settle(event_ids, at=timezone.now())
    except (DatabaseError, InterfaceError):  # `settle` will: the evidence stands in public
        log.warning("mark_failed", events=event_ids, exc_info=True)
