"""Builds the facts of the trail."""

from datetime import datetime
from typing import Any

from audit import trail
from audit.models import AuditEvent
from audit.trail import Actor, Fact
from registrations.models import EventRegistration
from schedules.counters import Movement
from schedules.targets import Target


def about(registration: EventRegistration, *, by: Actor, at: datetime) -> dict[str, Any]:
    """Who did something to a registration, when and where."""
    return {
        "at": at,
        "registration_id": registration.pk,
        "household_id": registration.household_id,
        "event_date_id": registration.event_date_id,
        "event_slot_id": registration.event_slot_id,
        "actor_kind": by.kind,
        "actor_id": by.id,
    }


def record(
    action: AuditEvent.Action,
    registration: EventRegistration,
    *,
    by: Actor,
    at: datetime,
    delta: int = 0,
    reserved_seen: int | None = None,
    **details: Any,
) -> None:
    """Writes one fact, with what it does to the counter of its target."""
    trail.append(
        Fact(
            action=action,
            details=details,
            delta=delta,
            reserved_seen=reserved_seen,
            request_id=by.request_id,
            **about(registration, by=by, at=at),
        )
    )


def record_ambiguity(
    target: Target, pending: Movement, applied: Movement, *, by: Actor, at: datetime
) -> None:
    """Records that nobody could know what became of a movement, and how it was treated."""
    trail.append(
        Fact(
            action=AuditEvent.Action.AMBIGUOUS,
            at=at,
            actor_kind=by.kind,
            actor_id=by.id,
            request_id=by.request_id,
            delta=pending.delta,
            details={"by_date": dict(pending.by_date), "applied": applied.delta},
            **{target.kind.column: target.id},
        )
    )


def record_household(
    action: AuditEvent.Action, household_id: int, *, by: Actor, at: datetime, **details: Any
) -> None:
    """Writes one fact about a household as such: what changed, never a name or a text."""
    trail.append(
        Fact(
            action=action,
            at=at,
            household_id=household_id,
            actor_kind=by.kind,
            actor_id=by.id,
            request_id=by.request_id,
            details=details,
        )
    )
