"""Making one target's counter exact again after a process died between the two commits.

An unsettled event, read under the target's lock, belongs to a process that died (a live one
still holds the lock) or to one that is just about to mark it. `last_update` tells which: see
`schedules.counters.Locked.judge` and docs/protocol.md.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from audit import trail
from audit.models import AuditEvent
from freshtrak.databases import PUBLIC
from schedules import counters
from schedules.counters import Locked, Marker, Target, Verdict

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Movement:
    """The unsettled events that share one public UPDATE, and what became of it."""

    events: list[AuditEvent]
    marker: Marker
    verdict: Verdict

    @property
    def ids(self) -> list[int]:
        return [event.pk for event in self.events]

    @property
    def delta(self) -> int:
        return sum(event.delta for event in self.events)

    @property
    def date_deltas(self) -> Counter[int]:
        """By how much each date moved with a slot."""
        deltas: Counter[int] = Counter()
        for event in self.events:
            if event.event_slot_id is not None and event.event_date_id is not None:
                deltas[event.event_date_id] += event.delta
        return deltas


def unsettled_at(target: Target) -> list[AuditEvent]:
    events = AuditEvent.objects.unsettled().order_by("pk")
    if target.is_date:
        return list(events.filter(event_slot_id=None, event_date_id=target.id))
    return list(events.filter(event_slot_id=target.id))


def movements(locked: Locked) -> list[Movement]:
    """The unsettled movements at a locked target, judged.

    To be read after the lock was taken: only then do unsettled events belong to the dead.
    """
    by_marker: dict[Marker, list[AuditEvent]] = {}
    for event in unsettled_at(locked.target):
        assert event.last_update_written is not None  # a check constraint holds it
        marker = Marker(event.last_update_seen, event.last_update_written, event.seen_was_past)
        by_marker.setdefault(marker, []).append(event)
    return [Movement(events, marker, locked.judge(marker)) for marker, events in by_marker.items()]


def settle(target: Target, *, at: datetime) -> int:
    """Settles the oldest unsettled movement at a target; returns how many events it marked.

    The public commit comes first and the mark second, so that this too can be killed anywhere.
    Events whose owner may still be alive are left for another look: 0. Raises OperationalError
    if the lock cannot be had.
    """
    with transaction.atomic(using=PUBLIC, durable=True):
        locked = counters.lock(target)
        if locked is None:
            # The row is gone and its counter with it; nobody can tell what the date missed.
            return trail.settle([e.pk for e in unsettled_at(target)], at=at, ambiguous=True)
        movement = next(iter(movements(locked)), None)
        if movement is None or movement.verdict is Verdict.UNCLEAR:
            return 0
        if _is_to_be_applied(movement):
            _apply(locked, movement)
    in_doubt = movement.verdict is Verdict.AMBIGUOUS
    say = log.warning if in_doubt else log.info
    say("settled", target=str(target), events=movement.ids, delta=movement.delta,
        verdict=movement.verdict.value)  # fmt: skip
    return trail.settle(movement.ids, at=at, ambiguous=in_doubt)


def _is_to_be_applied(movement: Movement) -> bool:
    """In doubt, the side that can only undersell: a place taken is counted, one given back not."""
    if movement.verdict is Verdict.AMBIGUOUS:
        return movement.delta > 0
    return movement.verdict is Verdict.NOT_APPLIED


def _apply(locked: Locked, movement: Movement) -> None:
    """Moves the counters, as an operation of its own with a marker of its own.

    The events learn of the new marker before the counter moves. With the old one, another
    system's write right after this commit would make the events look like those of an owner long
    dead, and a second settler would apply them again; and a settler killed here would leave no
    word of the doubt.
    """
    marker = locked.marker()
    trail.renew_evidence(
        movement.ids,
        seen=marker.seen,
        written=marker.written,
        seen_was_past=marker.seen_was_past,
        ambiguous=movement.verdict is Verdict.AMBIGUOUS,
    )
    counters.add(locked, movement.delta, marker)
    counters.roll_up(movement.date_deltas)
