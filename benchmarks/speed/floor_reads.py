"""The floor of the reads: three or four statements, and exactly the service's answer."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from benchmarks.speed.data import Job
from benchmarks.speed.floor import Databases, Row
from registrations import confirmation_codes

DATE = """d.event_date_id, d.event_id, d.event_date_key, d.capacity, d.reserved, d.start_time_key,
 d.end_time_key, d.status_publish, d.accept_reservations, d.published_date_key,
 d.published_end_datetime, d.status_id, e.event_name, e.event_nickname, e.pub_desc_long,
 e.address1, e.address2, e.city, e.state, e.zip, e.time_zone, e.status_id, e.status_publish_event,
 e.status_publish_event_dates, EXISTS(SELECT 1 FROM event_slots s JOIN event_hours h
 USING (event_hour_id) WHERE h.event_date_id = d.event_date_id AND s.status_id = 1
 AND h.status_id = 1) FROM event_dates d JOIN events e ON e.event_id = d.event_id"""

PUBLIC_DATES = """e.status_id = 1 AND e.status_publish_event = 1
 AND e.status_publish_event_dates = 1 AND d.event_date_key >= %s AND d.published_date_key <= %s
 AND d.status_id = 1 AND d.status_publish = 1"""

WAITLISTED = """SELECT event_date_id, event_slot_id, COUNT(*) FROM event_registrations
 WHERE waitlisted_at IS NOT NULL AND event_date_id IN %s GROUP BY 1, 2"""

SLOTS = """SELECT s.event_slot_id, s.capacity, s.reserved, s.start_time_key, s.end_time_key,
 h.event_hour_id, h.start_time_key, h.end_time_key FROM event_slots s JOIN event_hours h
 USING (event_hour_id) WHERE h.event_date_id = %s AND s.status_id = 1 AND h.status_id = 1
 ORDER BY h.start_time_key, h.event_hour_id, s.start_time_key, s.event_slot_id"""

REGISTRATIONS = """SELECT r.id, r.event_status_id, s.name, r.household_id, r.event_id,
 r.event_date_id, r.event_slot_id, r.created_at, r.updated_at, r.cancelled_at, r.checked_in_at
 FROM event_registrations r JOIN event_statuses s ON s.id = r.event_status_id
 WHERE r.household_id = %s"""

ATTENDEES = """SELECT a.event_registration_id, m.id, m.first_name, m.last_name
 FROM event_registration_members a JOIN household_members m ON m.id = a.household_member_id
 WHERE a.event_registration_id IN %s ORDER BY a.id"""

SCHEDULES = """SELECT s.event_slot_id, e.event_name, d.event_date_key, s.start_time_key,
 s.end_time_key FROM event_slots s JOIN event_hours h USING (event_hour_id)
 JOIN event_dates d USING (event_date_id) JOIN events e ON e.event_id = d.event_id
 WHERE s.event_slot_id IN %s"""

_zone = cache(ZoneInfo)


def read_date(db: Databases, job: Job) -> bytes:
    """GET event-dates/{id}/."""
    date = db.public.row(f"SELECT {DATE} WHERE d.event_date_id = %s", job.date_id)
    waitlisted = _waitlisted(db, [job.date_id])
    answer = _date(date, waitlisted)
    hours: dict[int, dict[str, Any]] = {}
    for slot_id, capacity, reserved, start, end, hour_id, *of_hour in db.public.rows(
        SLOTS, job.date_id
    ):
        slot = _offer(answer, start, end, capacity, reserved, waitlisted[job.date_id, slot_id])
        slot |= {"event_slot_id": slot_id, "event_hour_id": hour_id}
        slot |= {"event_date_id": job.date_id, "event_id": answer["event_id"]}
        if hour_id not in hours:
            times = {"start_time": clock(of_hour[0]), "end_time": clock(of_hour[1])}
            hours[hour_id] = {"event_hour_id": hour_id, **times, "slots": []}
        hours[hour_id]["slots"].append(slot)
    return dump({**answer, "hours": list(hours.values())})


def list_dates(db: Databases, job: Job) -> bytes:
    """GET event-dates/."""
    today = today_in(settings.TIME_ZONE)
    (count,) = db.public.row(
        "SELECT COUNT(*) FROM event_dates d JOIN events e ON e.event_id = d.event_id"
        f" WHERE {PUBLIC_DATES}",
        today,
        today,
    )
    dates = db.public.rows(
        f"SELECT {DATE} WHERE {PUBLIC_DATES} ORDER BY d.event_date_key, d.start_time_key,"
        " d.event_date_id LIMIT 50",
        today,
        today,
    )
    waitlisted = _waitlisted(db, [date[0] for date in dates])
    return _page(count, [_date(date, waitlisted) for date in dates])


def own_registrations(db: Databases, job: Job) -> bytes:
    """GET registrations/."""
    (count,) = db.private.row(
        "SELECT COUNT(*) FROM event_registrations WHERE household_id = %s", job.household_id
    )
    rows = db.private.rows(f"{REGISTRATIONS} ORDER BY r.id DESC LIMIT 50", job.household_id)
    attendees = defaultdict(list)
    for registration_id, *member in db.private.rows(ATTENDEES, [row[0] for row in rows]):
        attendees[registration_id].append(member)
    schedules = {
        slot_id: schedule
        for slot_id, *schedule in db.public.rows(SCHEDULES, [row[6] for row in rows])
    }
    return _page(
        count, [registration(row, attendees[row[0]], schedules[row[6]], None) for row in rows]
    )


def registration(
    row: Row, attendees: Iterable[Row], schedule: Row, position: int | None
) -> dict[str, Any]:
    """A registration as the API shows it; `row` is one of REGISTRATIONS."""
    id_, status_id, status, household_id, event_id, date_id, slot_id, *times = row
    created_at, updated_at, cancelled_at, checked_in_at = map(moment, times)
    name, day, start, end = schedule
    return {
        "id": id_,
        "confirmation_code": confirmation_codes.encode(id_),
        "status": status,
        "status_id": status_id,
        "household_id": household_id,
        "event_id": event_id,
        "event_date_id": date_id,
        "event_slot_id": slot_id,
        "waitlist_position": position,
        "attendees": [
            {"household_member_id": member_id, "first_name": first, "last_name": last, "came": None}
            for member_id, first, last in attendees
        ],
        "schedule": {
            "event_name": name,
            "date": calendar_day(day),
            "start_time": clock(start),
            "end_time": clock(end),
        },
        "created_at": created_at,
        "updated_at": updated_at,
        "cancelled_at": cancelled_at,
        "checked_in_at": checked_in_at,
        "checked_in_by": None,
    }


def _waitlisted(db: Databases, date_ids: list[int]) -> dict[tuple[int, int], int]:
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for date_id, slot_id, count in db.private.rows(WAITLISTED, date_ids):
        counts[date_id, slot_id] = count
    return counts


def _date(row: Row, waitlisted: dict[tuple[int, int], int]) -> dict[str, Any]:
    """A date without its hours, from a row of DATE."""
    date_id, event_id, day, capacity, reserved, start, end, *rules = row[:12]
    name, nickname, text, line1, line2, city, state, zip_, zone, *event_rules, has_slots = row[12:]
    reason = closed_reason(day, rules, event_rules, zone)
    common = {"date": calendar_day(day), "open": reason is None, "closed_reason": reason}
    waiting = sum(count for (of_date, _), count in waitlisted.items() if of_date == date_id)
    return _offer(common, start, end, capacity, reserved, waiting) | {
        "event_date_id": date_id,
        "event_id": event_id,
        "booking": "slot" if has_slots else "date",
        "event": {
            "event_id": event_id,
            "name": name,
            "nickname": nickname,
            "description": text or "",
            "address": {"line1": line1, "line2": line2, "city": city, "state": state, "zip": zip_},
            "time_zone": zone,
        },
    }


def _offer(
    date: dict[str, Any], start: int, end: int, capacity: int, reserved: int, waitlisted: int
) -> dict[str, Any]:
    return {
        "date": date["date"],
        "start_time": clock(start),
        "end_time": clock(end),
        "capacity": capacity,
        "reserved": reserved,
        "available": max(0, capacity - reserved),
        "waitlisted": waitlisted,
        "open": date["open"],
        "closed_reason": date["closed_reason"],
    }


def closed_reason(day: int, date_rules: Iterable[Any], event_rules: Any, zone: str) -> str | None:
    """Why a date takes no bookings now, by the same rules as `EventDate.closed_reason`."""
    is_published, accepts, since, until, status = date_rules
    today = today_in(zone)
    if tuple(event_rules) != (1, 1, 1) or status != 1 or is_published != 1 or since > today:
        return "not_published"
    if day < today:
        return "event_past"
    if accepts != 1:
        return "reservations_not_accepted"
    if until is not None and datetime.now(UTC).replace(tzinfo=None) > until:
        return "registration_closed"
    return None


def today_in(zone: str) -> int:
    return int(datetime.now(_zone(zone)).strftime("%Y%m%d"))


def calendar_day(key: int) -> str:
    return f"{key // 10000}-{key // 100 % 100:02}-{key % 100:02}"


def clock(key: int) -> str:
    return f"{key // 100:02}:{key % 100:02}"


def moment(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.replace(tzinfo=UTC).astimezone(_zone(settings.TIME_ZONE)).isoformat()


def _page(count: int, results: list[dict[str, Any]]) -> bytes:
    return dump({"count": count, "next": None, "previous": None, "results": results})


def dump(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
