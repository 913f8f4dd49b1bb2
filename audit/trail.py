"""Writing the trail. Nothing changes an event once it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from prometheus_client import Counter

from audit.models import AuditEvent, CheckIn
from freshtrak.databases import PRIVATE, insert

log = structlog.get_logger(__name__)

FACTS = Counter(
    "freshtrak_facts_total", "What became of registrations: registered, promoted, …", ["action"]
)

PARTICIPANT = "participant"
STAFF = "staff"


@dataclass(frozen=True)
class Actor:
    """Who did it: a participant or a member of staff by user id, or the system itself."""

    kind: str
    id: str = ""
    request_id: str = ""
    """The `X-Request-ID` of the request that asked for it; empty for a command."""

    @property
    def legacy_id(self) -> int:
        """For the `added_by INT` columns of the existing tables: the user id if it fits, else 0."""
        fits = self.id.isascii() and self.id.isdigit() and int(self.id) < 2**31
        return int(self.id) if fits else 0

    def as_system(self) -> "Actor":
        """The system, acting because of this actor's request."""
        return replace(SYSTEM, request_id=self.request_id)


SYSTEM = Actor("system")


def participant(user_id: str) -> Actor:
    return Actor(PARTICIPANT, user_id)


def staff(user_id: str, request_id: str = "") -> Actor:
    return Actor(STAFF, user_id, request_id)


@dataclass
class Fact:
    """A row of `audit_events` that is about to be written."""

    at: datetime
    action: AuditEvent.Action
    actor_kind: str
    actor_id: str = ""
    request_id: str = ""
    registration_id: int | None = None
    household_id: int | None = None
    event_date_id: int | None = None
    event_slot_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    delta: int = 0
    reserved_seen: int | None = None


def append(fact: Fact) -> None:
    """Inserts the fact, and logs and counts it once it is committed."""
    insert(PRIVATE, "audit_events", **vars(fact))
    transaction.on_commit(lambda: _log(fact), using=PRIVATE, robust=True)


def _log(fact: Fact) -> None:
    """Writes ids to the log, never a name."""
    FACTS.labels(fact.action).inc()
    log.info(
        str(fact.action),
        registration_id=fact.registration_id,
        household_id=fact.household_id,
        event_date_id=fact.event_date_id,
        event_slot_id=fact.event_slot_id,
        delta=fact.delta,
        actor=f"{fact.actor_kind}:{fact.actor_id}",
    )


def record_check_in(record: CheckIn, household_member_ids: Sequence[int]) -> None:
    """Inserts the record of a check-in (or its undoing) with the attendees who came."""
    record.household_member_ids = list(household_member_ids)
    record.attendee_count = len(household_member_ids)
    record.save(force_insert=True)
