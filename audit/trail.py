"""Writing the trail. Nothing changes an event once it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


def append(event: AuditEvent) -> None:
    """Inserts the event, and logs and counts it once it is committed."""
    event.pk = insert(
        PRIVATE,
        "audit_events",
        at=event.at,
        action=event.action,
        registration_id=event.registration_id,
        household_id=event.household_id,
        event_date_id=event.event_date_id,
        event_slot_id=event.event_slot_id,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        request_id=event.request_id,
        details=event.details,
        delta=event.delta,
        reserved_seen=event.reserved_seen,
    )
    transaction.on_commit(lambda: _log(event), using=PRIVATE, robust=True)


def _log(event: AuditEvent) -> None:
    """Writes ids to the log, never a name."""
    FACTS.labels(event.action).inc()
    log.info(
        str(event.action),
        registration_id=event.registration_id,
        household_id=event.household_id,
        event_date_id=event.event_date_id,
        event_slot_id=event.event_slot_id,
        delta=event.delta,
        actor=f"{event.actor_kind}:{event.actor_id}",
    )


def record_check_in(record: CheckIn, household_member_ids: Sequence[int]) -> None:
    """Inserts the record of a check-in (or its undoing) with the attendees who came."""
    record.household_member_ids = list(household_member_ids)
    record.attendee_count = len(household_member_ids)
    record.save(force_insert=True)
