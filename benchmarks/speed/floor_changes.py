"""The floor of the changes: booking, joining a queue, and cancelling, in the protocol's order.

The same locks, decision, marker, trail and stored answer as the service's; see docs/protocol.md.
No process dies here, so no movement stays pending.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.speed.data import Job
from benchmarks.speed.floor import Databases, Row
from benchmarks.speed.floor_reads import (
    ATTENDEES,
    REGISTRATIONS,
    closed_reason,
    dump,
    registration,
)

PEOPLE = """SELECT m.id, m.first_name, m.last_name, m.is_active, h.deleted_on
 FROM household_members m JOIN households h ON h.id = m.household_id
 WHERE m.household_id = %s AND m.id IN %s"""

SLOT = """SELECT s.capacity, s.reserved, s.status_id, h.status_id, h.event_date_id, e.event_id,
 e.event_name, d.event_date_key, s.start_time_key, s.end_time_key, d.status_publish,
 d.accept_reservations, d.published_date_key, d.published_end_datetime, d.status_id, e.status_id,
 e.status_publish_event, e.status_publish_event_dates, e.time_zone
 FROM event_slots s JOIN event_hours h USING (event_hour_id) JOIN event_dates d
 USING (event_date_id) JOIN events e ON e.event_id = d.event_id WHERE s.event_slot_id = %s"""

LEDGER = """SELECT holding, waiting, last_waitlisted_at, version, ambiguous, pending_since,
 pending_delta, pending_by_date, last_update_seen, last_update_written, seen_was_past, refused
 FROM ledgers WHERE kind = 'slot' AND target_id = %s FOR UPDATE"""

COUNTER = """SELECT capacity, reserved, last_update, SYSDATE(), @@read_only FROM event_slots
 WHERE event_slot_id = %s"""

REGISTRATION = """INSERT INTO event_registrations (created_at, updated_at, added_by,
 last_updated_by, household_id, event_status_id, event_id, event_date_id, event_slot_id,
 waitlisted_at) VALUES (%s, %s, 7, 7, %s, %s, %s, %s, %s, %s)"""

ATTENDEE = """INSERT INTO event_registration_members (created_at, updated_at, added_by,
 last_updated_by, event_registration_id, household_member_id) SELECT %s, %s, 7, 7, %s, member.id
 FROM household_members member
 WHERE member.id = %s AND member.household_id = %s AND member.is_active = 1"""

TRAIL = """INSERT INTO audit_events (at, action, registration_id, household_id, event_date_id,
 event_slot_id, actor_kind, actor_id, request_id, details, delta, reserved_seen)
 VALUES (%s, %s, %s, %s, %s, %s, %s, '7', %s, %s, %s, %s)"""

ANSWER = """INSERT INTO idempotency_records (digest, fingerprint, status, body, created_at)
 VALUES (%s, %s, %s, %s, %s)"""

WRITE_LEDGER = """UPDATE ledgers SET holding = %s, waiting = %s, last_waitlisted_at = %s,
 version = %s, pending_since = %s, pending_delta = %s, pending_by_date = %s, last_update_seen = %s,
 last_update_written = %s, seen_was_past = %s, refused = 0 WHERE kind = 'slot' AND target_id = %s"""

MOVE = "UPDATE event_slots SET reserved = reserved + 1, last_update = %s WHERE event_slot_id = %s"

ROLL_UP = "UPDATE event_dates SET reserved = reserved + 1 WHERE event_date_id = %s"

MARK = """UPDATE ledgers SET pending_since = NULL, pending_delta = 0, pending_by_date = '{}'
 WHERE kind = 'slot' AND target_id = %s AND version = %s"""

STILL = "SELECT event_status_id, updated_at FROM event_registrations WHERE id = %s"

HEAD = """SELECT r.id, r.household_id, r.event_date_id FROM event_registrations r
 JOIN households h ON h.id = r.household_id WHERE r.event_slot_id = %s
 AND r.waitlisted_at IS NOT NULL AND h.deleted_on IS NULL AND EXISTS(SELECT 1
 FROM event_registration_members a JOIN household_members m ON m.id = a.household_member_id
 WHERE a.event_registration_id = r.id AND m.is_active) ORDER BY r.waitlisted_at, r.id LIMIT 1"""

CHANGE = """UPDATE event_registrations SET event_status_id = %s, updated_at = %s,
 last_updated_by = 7, cancelled_at = %s, waitlisted_at = NULL
 WHERE id = %s AND event_status_id = %s"""


class Locked(NamedTuple):
    """A slot whose ledger is locked."""

    holding: int
    waiting: int
    last_waitlisted_at: datetime | None
    version: int
    capacity: int
    reserved: int
    last_update: datetime | None
    clock: datetime
    is_public_locked: bool

    @property
    def free(self) -> int:
        return self.capacity - max(self.reserved, self.holding)

    def behind_the_last(self, now: datetime) -> datetime:
        """When the next household joins the queue."""
        last = self.last_waitlisted_at
        return now if last is None else max(now, last + timedelta(microseconds=1))


def book(db: Databases, job: Job) -> bytes:
    """POST registrations/: a place, or a place in the queue."""
    now = _now()
    ((member_id, first, last, is_active, deleted_on),) = db.private.rows(
        PEOPLE, job.household_id, [job.member_id]
    )
    slot = db.public.row(SLOT, job.slot_id)
    assert is_active
    assert deleted_on is None
    assert _is_open(slot)
    place = _lock(db, job.slot_id, expects_movement=slot[0] > slot[1])
    assert place.free <= 0 or (place.is_public_locked and not place.waiting)
    name = "confirmed" if place.free > 0 else "waitlisted"
    joined = None if place.free > 0 else place.behind_the_last(now)
    date_id, event_id, schedule = slot[4], slot[5], slot[6:10]
    id_ = db.private.execute(
        REGISTRATION,
        now,
        now,
        job.household_id,
        db.status[name],
        event_id,
        date_id,
        job.slot_id,
        joined,
    )
    db.private.execute(ATTENDEE, now, now, id_, member_id, job.household_id)
    action, delta = ("waitlisted", 0) if joined else ("registered", 1)
    details = json.dumps({"attendees": [member_id]})
    _record(db, now, action, (id_, job.household_id, date_id, job), details, delta, place)
    row = (
        id_,
        db.status[name],
        name,
        job.household_id,
        event_id,
        date_id,
        job.slot_id,
        now,
        now,
        None,
        None,
    )
    position = place.waiting + 1 if joined else None
    body = dump(registration(row, [(member_id, first, last)], schedule, position))
    _store(db, job, 201, body, now)
    if joined:
        ledger = place._replace(waiting=place.waiting + 1, last_waitlisted_at=joined)
        _commit_still(db, job.slot_id, ledger)
    else:
        _commit_moving(db, job.slot_id, place, date_id, now)
    return body


def cancel(db: Databases, job: Job) -> bytes:
    """POST registrations/{id}/cancel/ at a slot with a queue: promotes the head of the queue."""
    now = _now()
    row = db.private.row(f"{REGISTRATIONS} AND r.id = %s", job.household_id, job.registration_id)
    attendees = [member for _, *member in db.private.rows(ATTENDEES, [job.registration_id])]
    slot = db.public.row(SLOT, job.slot_id)
    assert _is_open(slot)
    place = _lock(db, job.slot_id, expects_movement=False)
    confirmed, cancelled = db.status["confirmed"], db.status["cancelled"]
    status_id, _ = db.private.row(STILL, job.registration_id)
    assert status_id == confirmed
    assert place.free == 0
    db.private.execute(CHANGE, cancelled, now, now, job.registration_id, confirmed)
    _record(db, now, "cancelled", (*_whose(row), job), "{}", -1, place)
    head = db.private.row(HEAD, job.slot_id)
    db.private.execute(CHANGE, confirmed, now, None, head[0], db.status["waitlisted"])
    _record(db, now, "promoted", (*head, job), "{}", 1, place)
    row = (row[0], cancelled, "cancelled", *row[3:8], now, now, None)
    body = dump(registration(row, attendees, slot[6:10], None))
    _store(db, job, 200, body, now)
    _commit_still(db, job.slot_id, place._replace(waiting=place.waiting - 1))
    return body


def _lock(db: Databases, slot_id: int, *, expects_movement: bool) -> Locked:
    """Locks the ledger, then public's row if needed, and judges what is pending."""
    db.private.execute("BEGIN")
    (holding, waiting, last, version, _, pending_since, *_, written, _, _) = db.private.row(
        LEDGER, slot_id
    )
    needs_public = expects_movement or pending_since is not None
    if needs_public:
        db.public.execute("BEGIN")
    capacity, reserved, last_update, clock, read_only = db.public.row(
        COUNTER + (" FOR UPDATE" if needs_public else ""), slot_id
    )
    assert not int(read_only)
    assert pending_since is None or last_update == written, "a movement was not applied"
    return Locked(
        holding, waiting, last, version, capacity, reserved, last_update, clock, needs_public
    )


def _commit_moving(db: Databases, slot_id: int, place: Locked, date_id: int, now: datetime) -> None:
    """The decision, then the counter that follows, then the mark."""
    seen = place.last_update
    written = place.clock - timedelta(seconds=1)
    if written == seen:
        written -= timedelta(seconds=1)
    db.private.execute(
        WRITE_LEDGER,
        place.holding + 1,
        place.waiting,
        place.last_waitlisted_at,
        place.version + 1,
        now,
        1,
        f'{{"{date_id}": 1}}',
        seen,
        written,
        seen is None or seen < place.clock,
        slot_id,
    )
    db.private.execute("COMMIT")
    db.public.execute(MOVE, written, slot_id)
    db.public.execute(ROLL_UP, date_id)
    db.public.execute("COMMIT")
    db.private.execute(MARK, slot_id, place.version + 1)


def _commit_still(db: Databases, slot_id: int, place: Locked) -> None:
    """A decision that moves no counter."""
    db.private.execute(
        WRITE_LEDGER,
        place.holding,
        place.waiting,
        place.last_waitlisted_at,
        place.version + 1,
        None,
        0,
        "{}",
        None,
        None,
        False,
        slot_id,
    )
    db.private.execute("COMMIT")
    if place.is_public_locked:
        db.public.execute("COMMIT")


def _is_open(slot: Row) -> bool:
    day, date_rules, event_rules, zone = slot[7], slot[10:15], slot[15:18], slot[18]
    return slot[2:4] == (1, 1) and closed_reason(day, date_rules, event_rules, zone) is None


def _whose(row: Row) -> tuple[int, int, int]:
    return row[0], row[3], row[5]


def _record(
    db: Databases, now: datetime, action: str, whose: Any, details: str, delta: int, place: Locked
) -> None:
    registration_id, household_id, date_id, job = whose
    kind = "system" if action == "promoted" else "participant"
    db.private.execute(
        TRAIL,
        now,
        action,
        registration_id,
        household_id,
        date_id,
        job.slot_id,
        kind,
        job.key[:64],
        details,
        delta,
        place.reserved,
    )


def _store(db: Databases, job: Job, status: int, body: bytes, now: datetime) -> None:
    digest = hashlib.sha256(f"floor|{job.household_id}\0{job.key}".encode()).hexdigest()
    fingerprint = hashlib.sha256(f"{job}".encode()).hexdigest()
    db.private.execute(ANSWER, digest, fingerprint, status, body.decode(), now)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
