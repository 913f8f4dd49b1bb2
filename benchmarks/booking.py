#!/usr/bin/env python3
"""What the framework costs per booking: the service compared with the same SQL without it.

    tools/with_mariadb.py python benchmarks/booking.py [THREADS]

Both take turns in one run on two servers of their own: on one hot slot (all wait for one row) and
spread over many slots of many dates. Only the ratios matter, because the machine may be busy. Each
booking is for a different household, all are confirmed, and the counters are checked.
"""

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ.setdefault("DEBUG", "true")
sys.path.insert(0, os.getcwd())

import django

django.setup()

import logging  # noqa: E402

import MySQLdb  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from freshtrak.databases import PRIVATE, PUBLIC  # noqa: E402
from registrations.services import ledgers  # noqa: E402
from schedules import sandbox  # noqa: E402
from schedules.targets import Target  # noqa: E402
from tests.support import booking as b  # noqa: E402
from tests.support import factories  # noqa: E402

ROUNDS, BOOKINGS = 5, 400
Book = Callable[[Any, Any, int], None]


def through_the_service(household: Any, slot: Any, member: int) -> None:
    b.register(household, slot, attendee_ids=[member])


class WithoutFramework:
    """The SQL of a confirmed booking, on plain connections."""

    def __init__(self) -> None:
        self.here = threading.local()

    def __call__(self, household: Any, slot: Any, member: int) -> None:
        if not hasattr(self.here, "private"):
            self.here.private, self.here.public = _connect(PRIVATE), _connect(PUBLIC)
        private, public = self.here.private, self.here.public
        day = slot.event_hour.event_date_id
        _run(
            private,
            "SELECT m.*, h.* FROM household_members m JOIN households h ON h.id ="
            " m.household_id WHERE m.household_id = %s AND m.id IN (%s)",
            household.pk,
            member,
        )
        _run(
            public,
            "SELECT s.*, h.*, d.*, e.event_name, e.time_zone, e.utc_offset, e.status_id"
            " FROM event_slots s JOIN event_hours h USING (event_hour_id) JOIN event_dates d USING"
            " (event_date_id) JOIN events e USING (event_id) WHERE event_slot_id = %s",
            slot.pk,
        )
        private.autocommit(False)
        _run(
            private,
            "SELECT * FROM ledgers WHERE kind = 'slot' AND target_id = %s FOR UPDATE",
            slot.pk,
        )
        public.autocommit(False)
        _run(
            public,
            "SELECT capacity, reserved, last_update, SYSDATE(), @@read_only FROM event_slots WHERE"
            " event_slot_id = %s FOR UPDATE",
            slot.pk,
        )
        registration = _run(
            private,
            "INSERT INTO event_registrations (household_id, event_status_id,"
            " event_date_id, event_slot_id, added_by, last_updated_by, created_at, updated_at)"
            " VALUES (%s, 1, %s, %s, 7, 7, NOW(6), NOW(6))",
            household.pk,
            day,
            slot.pk,
        )
        _run(
            private,
            "INSERT INTO event_registration_members (event_registration_id,"
            " household_member_id, added_by, last_updated_by, created_at, updated_at)"
            " VALUES (%s, %s, 7, 7, NOW(6), NOW(6))",
            registration,
            member,
        )
        _run(
            private,
            "INSERT INTO audit_events (at, action, registration_id, household_id,"
            " event_date_id, event_slot_id, actor_kind, actor_id, request_id, details, delta,"
            " reserved_seen) VALUES (NOW(6), 'registered', %s, %s, %s, %s, 'participant', '7', '',"
            " '{}', 1, 0)",
            registration,
            household.pk,
            day,
            slot.pk,
        )
        _run(
            private,
            "UPDATE ledgers SET holding = holding + 1, version = version + 1, pending_delta = 1,"
            " pending_by_date = %s, pending_since = NOW(6), last_update_seen = last_update_written,"
            " last_update_written = NOW(), seen_was_past = 1"
            " WHERE kind = 'slot' AND target_id = %s",
            f'{{"{day}": 1}}',
            slot.pk,
        )
        private.commit()
        private.autocommit(True)
        _run(
            public,
            "UPDATE event_slots SET reserved = reserved + 1, last_update = SYSDATE() -"
            " INTERVAL 1 SECOND WHERE event_slot_id = %s",
            slot.pk,
        )
        _run(public, "UPDATE event_dates SET reserved = reserved + 1 WHERE event_date_id = %s", day)
        public.commit()
        public.autocommit(True)
        _run(
            private,
            "UPDATE ledgers SET pending_since = NULL, pending_delta = 0, pending_by_date = '{}'"
            " WHERE kind = 'slot' AND target_id = %s AND pending_by_date = %s",
            slot.pk,
            f'{{"{day}": 1}}',
        )


def _connect(alias: str) -> Any:
    parameters = connections[alias].get_connection_params()
    parameters.pop("conv")
    connection = MySQLdb.connect(**parameters, autocommit=True)
    connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    return connection


def _run(connection: Any, sql: str, *values: Any) -> int:
    cursor = connection.cursor()
    cursor.execute(sql, values)
    if cursor.description:
        cursor.fetchall()
    return int(cursor.lastrowid or 0)


def _measure(book: Book, work: list[tuple[Any, Any, int]], threads: int) -> float:
    """Bookings per second with this many threads."""
    queue: Iterator[tuple[Any, Any, int]] = iter(work)
    lock = threading.Lock()

    def worker() -> None:
        while True:
            with lock:
                item = next(queue, None)
            if item is None:
                break
            book(*item)
        if book is through_the_service:
            connections.close_all()

    crew = [threading.Thread(target=worker) for _ in range(threads)]
    began = time.perf_counter()
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return len(work) / (time.perf_counter() - began)


def _work(slots: list[Any]) -> list[tuple[Any, Any, int]]:
    ledgers.open_missing([Target.slot(slot.pk) for slot in slots])
    households = factories.households(BOOKINGS)
    turns = itertools.cycle(slots)
    return [(h, next(turns), h.members.get().pk) for h in households]


def main(threads: int) -> None:
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    makes: dict[str, Callable[[], list[Any]]] = {
        "one hot slot": lambda: [factories.EventSlotFactory(capacity=BOOKINGS)],
        "spread over 40 slots of 40 dates": lambda: factories.EventSlotFactory.create_batch(
            40, capacity=BOOKINGS
        ),
    }
    for name, make in makes.items():
        ratios, rates = [], []
        for _ in range(ROUNDS):
            bare = _measure(WithoutFramework(), _work(make()), threads)
            ours = _measure(through_the_service, _work(make()), threads)
            ratios.append(ours / bare)
            rates.append((ours, bare))
        assert b.drift() == {}, "the counters are wrong"
        ours, bare = (median(rate) for rate in zip(*rates, strict=True))
        print(
            f"{name}, {threads} threads: {ours:.0f}/s beside {bare:.0f}/s without framework,"
            f" ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
