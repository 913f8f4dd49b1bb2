#!/usr/bin/env python3
"""Whether a booking costs more when there is much: registrations, or households at its target.

    tools/with_mariadb.py python benchmarks/growth.py --buffer-pool 8192 [--statements]

Median milliseconds of a booking through the WSGI application, commits included, beside one where
there is little; the two take turns. With 10 million registrations in the database beside 1,000; at
a slot or date where 10,000 hold a place, or wait, beside one where nobody does. The spread is that
of the ratios of ten parts of the run. Only ratios mean anything. Households are picked at random:
without a buffer pool that holds the data (7 GiB), each booking reads their pages from disk.

Each size has databases of its own, filled by MariaDB's sequences: for each registration an attendee
and a trail entry, and a stored answer for every hundredth. Afterwards the oracle compares all
counters, ledgers and rows. Exits with 1 if a ratio exceeds 1.2, except in the short form.
"""

import argparse
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ.setdefault("DEBUG", "true")
os.environ["LOG_LEVEL"] = "ERROR"
os.environ["DATABASE_READ_TIMEOUT"] = "3600"  # ten million rows in one statement
os.environ["CHANGE_RATE"] = "none"  # few households, as fast as they can
sys.path.insert(0, os.getcwd())

import django

django.setup()

import io  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import time  # noqa: E402
from collections import defaultdict  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from contextlib import ExitStack, contextmanager  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any, TypeVar  # noqa: E402
from wsgiref.util import setup_testing_defaults  # noqa: E402

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from benchmarks import bulk  # noqa: E402
from benchmarks.speed import oracle  # noqa: E402
from freshtrak.databases import PRIVATE, PUBLIC  # noqa: E402
from freshtrak.wsgi import application  # noqa: E402
from registrations.models import Status  # noqa: E402
from registrations.queries import statuses  # noqa: E402
from registrations.services import ledgers  # noqa: E402
from schedules import sandbox  # noqa: E402
from schedules.targets import Kind, Target  # noqa: E402
from tests.support import factories, tokens  # noqa: E402

LIMIT = 1.2
PARTS = 10
WARM_UP = 20
PER_SLOT, PER_DATE, UPCOMING = 10, 100, 10
"""Registrations per slot and per date; dates that households still book."""

_make: Any = factories
_keys = itertools.count(1)
R = TypeVar("R")


class Town:
    """A pair of databases of its own, and a thread whose connections to them stay open."""

    def __init__(self, name: str) -> None:
        self.names = {PRIVATE: f"growth_{name}_private", PUBLIC: f"growth_{name}_public"}
        self.statuses: dict[str, int] = defaultdict(int)
        """How many registrations there must be of each status."""
        self._pool = ThreadPoolExecutor(1)

    def run(self, call: Callable[..., R], *arguments: Any) -> R:
        """Calls it where connections lead to this town's databases."""
        return self._pool.submit(call, *arguments).result()

    def create(self) -> None:
        for alias, name in self.names.items():
            with connections[alias].cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            connections[alias].close()  # servers end sessions that are silent for minutes
        self.run(self._connect)
        self.run(lambda: call_command("migrate", verbosity=0))
        self.run(sandbox.create_tables)

    def drop(self) -> None:
        self.run(connections.close_all)
        self._pool.shutdown()
        connections.close_all()
        for alias, name in self.names.items():
            with connections[alias].cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {name}")

    def _connect(self) -> None:
        for alias, name in self.names.items():
            connection = connections[alias]
            connection.settings_dict = {**connection.settings_dict, "NAME": name}

    def gibibytes(self) -> float:
        """What the tables and their indexes take on disk, on both servers."""
        size = 0
        for alias, name in self.names.items():
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces"
                    " WHERE name LIKE %s",
                    [f"{name}/%"],
                )
                size += int(cursor.fetchall()[0][0])
        return size / 2**30


@contextmanager
def town(name: str) -> Iterator[Town]:
    created = Town(name)
    try:
        created.create()
        yield created
    finally:
        created.drop()


# Rows -------------------------------------------------------------------------------


@contextmanager
def _loading() -> Iterator[None]:
    """No binary log, and no checks: into an empty table the server then sorts once."""
    for alias in (PRIVATE, PUBLIC):
        with connections[alias].cursor() as cursor:
            for variable in ("sql_log_bin", "unique_checks", "foreign_key_checks"):
                cursor.execute(f"SET SESSION {variable} = 0")
    yield
    for alias in (PRIVATE, PUBLIC):
        with connections[alias].cursor() as cursor:
            cursor.execute("SHOW TABLES")
            tables = ", ".join(name for (name,) in cursor.fetchall())
            cursor.execute(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {tables}")
            cursor.fetchall()
        connections[alias].close()  # bookings have their checks and the binary log again


_STAMPS = {"created_at": "NOW(6)", "updated_at": "NOW(6)"}
_BY = {**_STAMPS, "added_by": 0, "last_updated_by": 0}


def _add_households(count: int) -> None:
    """Households 1 to `count`, each with one member of the same number."""
    code = "CONCAT('G', seq)"
    bulk.insert(
        PRIVATE, "households", count, id="seq", number="seq", name=code, identification_code=code,
        **_BY,
    )  # fmt: skip
    bulk.insert(
        PRIVATE, "household_members", count, id="seq", household_id="seq", first_name="'First'",
        last_name=code, date_of_birth="'1980-01-15'", added_by="''", **_STAMPS,
    )  # fmt: skip


def _spread(registrations: int) -> None:
    """An installation after years: slots with ten registrations each, ten slots per date."""
    slots, dates = registrations // PER_SLOT, registrations // PER_DATE
    events, households = max(dates // 100, 1), registrations // 4
    slot = _make.EventSlotFactory(
        event_slot_id=1,
        capacity=100 * PER_SLOT,
        reserved=PER_SLOT,
        event_hour__event_hour_id=1,
        event_hour__event_date__event_date_id=1,
        event_hour__event_date__reserved=PER_DATE,
        event_hour__event_date__event__event_id=1,
    )
    day = slot.event_hour.event_date
    date_of, event_of = f"1 + (seq - 1) DIV {PER_DATE}", f"1 + (seq - 1) MOD {events}"
    # A hundred dates a day; only the last of them lie ahead.
    key = f"DATE_FORMAT(first.event_date_key - INTERVAL ({dates} - seq) DIV 100 DAY, '%Y%m%d')"
    with _loading():
        bulk.copy(day.event, events, {})
        bulk.copy(day, dates, {"event_id": event_of, "event_date_key": key})
        bulk.copy(slot.event_hour, dates, {"event_date_id": "seq"})
        per_hour = PER_DATE // PER_SLOT
        bulk.copy(slot, slots, {"event_hour_id": f"1 + (seq - 1) DIV {per_hour}"})
        _add_households(households)
        household_of, slot_of = f"1 + (seq - 1) MOD {households}", f"1 + (seq - 1) DIV {PER_SLOT}"
        place = {"event_date_id": date_of, "event_slot_id": slot_of}
        bulk.insert(
            PRIVATE, "event_registrations", registrations, id="seq", household_id=household_of,
            event_status_id=statuses.row_for(Status.CONFIRMED).pk, event_id=1, **place, **_BY,
        )  # fmt: skip
        bulk.insert(
            PRIVATE, "event_registration_members", registrations, event_registration_id="seq",
            household_member_id=household_of, **_BY,
        )  # fmt: skip
        bulk.insert(
            PRIVATE, "audit_events", registrations, at="NOW(6)", action="'registered'",
            registration_id="seq", household_id=household_of, **place, actor_kind="'participant'",
            actor_id="'7'", request_id="UUID()", delta=1, details="""'{"attendees": [1]}'""",
        )  # fmt: skip
        bulk.insert(
            PRIVATE, "ledgers", slots, kind="'slot'", target_id="seq", holding=PER_SLOT, waiting=0,
            version=PER_SLOT, ambiguous=0, pending_delta=0, pending_by_date="'{}'",
            seen_was_past=0, refused=0,
        )  # fmt: skip
        bulk.insert(
            PRIVATE, "idempotency_records", registrations // 100, digest="SHA2(seq, 256)",
            fingerprint="SHA2(-seq, 256)", status=201, body="JSON_OBJECT('id', seq)",
            created_at="NOW(6)",
        )  # fmt: skip


def _add_target(kind: Kind, capacity: int) -> Target:
    if kind is Kind.SLOT:
        return Target.slot(_make.EventSlotFactory(capacity=capacity).pk)
    return Target.date(_make.EventDateFactory(capacity=capacity).pk)


def _crowd(target: Target, many: int, status: Status) -> None:
    """Adds registrations of households 1 to `many` that hold a place, or wait."""
    with connections[PUBLIC].cursor() as cursor:
        counted = many if status is Status.CONFIRMED else 0
        day = target.id
        if target.kind is Kind.SLOT:
            cursor.execute(
                "UPDATE event_slots SET reserved = %s WHERE event_slot_id = %s",
                [counted, target.id],
            )
            cursor.execute(
                "SELECT event_date_id FROM event_hours JOIN event_slots USING (event_hour_id)"
                " WHERE event_slot_id = %s",
                [target.id],
            )
            ((day,),) = cursor.fetchall()
        cursor.execute(
            "UPDATE event_dates SET reserved = %s WHERE event_date_id = %s", [counted, day]
        )
    bulk.insert(
        PRIVATE, "event_registrations", many, household_id="seq",
        event_status_id=statuses.row_for(status).pk, event_date_id=day,
        event_slot_id=target.id if target.kind is Kind.SLOT else "NULL",
        waitlisted_at="NOW(6)" if status is Status.WAITLISTED else "NULL", **_BY,
    )  # fmt: skip
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute(
            "INSERT INTO event_registration_members (event_registration_id, household_member_id,"
            " created_at, updated_at, added_by, last_updated_by)"
            " SELECT id, household_id, NOW(6), NOW(6), 0, 0 FROM event_registrations"
            " WHERE event_date_id = %s",
            [day],
        )


# Bookings ---------------------------------------------------------------------------


@dataclass
class Side:
    """One of two series of bookings, and what they took."""

    town: Town
    bookings: Iterator[tuple[int, Target]]
    """Household and target."""
    answer: str = "confirmed"
    milliseconds: list[float] = field(default_factory=list)
    by_statement: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def book(self, *, listening: bool = False) -> None:
        """Sends the next booking; `listening` also times its statements, which costs something.

        Raises AssertionError for an unexpected answer.
        """
        household_id, target = next(self.bookings)
        content = json.dumps({target.kind.column: target.id, "attendees": [household_id]}).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/registrations/",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_AUTHORIZATION": tokens.bearer(sub="7", household_id=household_id),
            "HTTP_IDEMPOTENCY_KEY": f"k{next(_keys)}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
        }
        setup_testing_defaults(environ)
        taken, body = self.town.run(self._send, environ, listening)
        assert json.loads(body).get("status") == self.answer, body
        self.milliseconds.append(taken)
        self.town.statuses[self.answer] += 1

    def _send(self, environ: dict[str, Any], listening: bool) -> tuple[float, bytes]:
        with ExitStack() as stack:
            for alias in (PRIVATE, PUBLIC) if listening else ():
                stack.enter_context(connections[alias].execute_wrapper(self._timed))
            began = time.perf_counter()
            response = application(environ, lambda *_: None)
            body = b"".join(response)
            response.close()
            return (time.perf_counter() - began) * 1000, body

    def _timed(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            taken = (time.perf_counter() - began) * 1000
            self.by_statement[" ".join(sql.split())].append(taken)


def _at_upcoming(registrations: int) -> Iterator[tuple[int, Target]]:
    """Any household, at any slot of the last dates, as long as it has no place on that date."""
    households, dates = registrations // 4, registrations // PER_DATE
    chance, taken = random.Random(1), set()
    while True:
        household = chance.randint(1, households)
        slot = chance.randint(1, UPCOMING * PER_DATE // PER_SLOT)
        slot += (dates - UPCOMING) * PER_DATE // PER_SLOT
        day = 1 + (slot - 1) // (PER_DATE // PER_SLOT)
        first = (day - 1) * PER_DATE % households
        has_place = (household - 1 - first) % households < PER_DATE
        if not has_place and (household, day) not in taken:
            taken.add((household, day))
            yield household, Target.slot(slot)


@dataclass(frozen=True)
class Ratio:
    title: str
    little: float
    much: float
    """Median milliseconds."""
    parts: Sequence[float]

    @property
    def value(self) -> float:
        return self.much / self.little

    def __str__(self) -> str:
        spread = f"{min(self.parts):.2f} to {max(self.parts):.2f}"
        times = f"{self.much:.2f} ms beside {self.little:.2f} ms"
        return f"{self.title}: {times}, ratio {self.value:.2f} ({spread})"


def compare(title: str, little: Side, much: Side, bookings: int) -> Ratio:
    """Both sides book in turn, booking by booking."""
    _take_turns(little, much, WARM_UP)
    little.milliseconds.clear()
    much.milliseconds.clear()
    _take_turns(little, much, bookings)
    size = bookings // PARTS
    parts = [
        median(much.milliseconds[start : start + size])
        / median(little.milliseconds[start : start + size])
        for start in range(0, bookings, size)
    ]
    return Ratio(title, median(little.milliseconds), median(much.milliseconds), parts)


def print_statements(little: Side, much: Side, bookings: int) -> None:
    """Medians of each statement over further bookings; what commits take is not among them."""
    _take_turns(little, much, bookings, listening=True)
    for sql, times in much.by_statement.items():
        beside = median(little.by_statement.get(sql, [0]))
        print(f"    {median(times):6.3f} ms beside {beside:6.3f}  {sql[:100]}")


def _take_turns(little: Side, much: Side, bookings: int, *, listening: bool = False) -> None:
    for number in range(bookings):
        for side in (little, much) if number % 2 else (much, little):
            side.book(listening=listening)


# The run ----------------------------------------------------------------------------


def compare_sizes(small: int, large: int, bookings: int) -> Iterator[tuple[Ratio, Side, Side]]:
    with town("small") as few, town("large") as lots:
        began = time.monotonic()
        for each, size in ((few, small), (lots, large)):
            each.run(_spread, size)
            each.statuses["confirmed"] += size
        print(
            f"{large:,} registrations loaded in {time.monotonic() - began:.0f} s;"
            f" {lots.gibibytes():.2f} GiB beside {few.gibibytes():.2f} GiB",
            flush=True,
        )
        sides = [Side(few, _at_upcoming(small)), Side(lots, _at_upcoming(large))]
        title = f"{large:,} registrations beside {small:,}"
        yield compare(title, *sides, bookings), *sides
        for each in (few, lots):
            each.run(oracle.check, each.statuses)


def compare_targets(many: int, bookings: int) -> Iterator[tuple[Ratio, Side, Side]]:
    with town("targets") as here:
        here.run(_add_households, many + WARM_UP + 2 * bookings)
        for kind, status in itertools.product(Kind, (Status.CONFIRMED, Status.WAITLISTED)):
            capacity = 2 * many + 4 * bookings if status is Status.CONFIRMED else 0
            sides = []
            for crowd in (0, many):
                target = here.run(_add_target, kind, capacity)
                if crowd:
                    here.run(_crowd, target, crowd, status)
                here.run(ledgers.open_missing, {target})
                here.statuses[status.value] += crowd
                at = zip(itertools.count(many + 1), itertools.repeat(target), strict=False)
                sides.append(Side(here, at, status.value))
            does = "hold a place" if status is Status.CONFIRMED else "wait"
            yield compare(f"{many:,} {does} at a {kind.value}", *sides, bookings), *sides
        here.run(oracle.check, here.statuses)


def main(options: argparse.Namespace) -> int:
    """Prints the ratios; returns the exit status. Raises oracle.Violation."""
    settings.DEBUG = False  # Django would keep every statement
    if options.buffer_pool:
        for alias in (PRIVATE, PUBLIC):
            with connections[alias].cursor() as cursor:
                size = options.buffer_pool * 2**20
                cursor.execute("SET GLOBAL innodb_buffer_pool_size = %s", [size])
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute("SELECT @@version, @@innodb_buffer_pool_size DIV 1048576")
        print("{}, buffer pool {} MiB".format(*cursor.fetchone()))
    large, many, bookings = 10_000_000, 10_000, 500
    if options.short:
        large, many, bookings = 10_000, 1_000, PARTS
    ratios = []
    for ratio, little, much in itertools.chain(
        compare_sizes(1_000, large, bookings), compare_targets(many, bookings)
    ):
        ratios.append(ratio.value)
        print(ratio, flush=True)
        if options.statements:
            print_statements(little, much, bookings)
    return int(not options.short and max(ratios) > LIMIT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="10,000 registrations; 1,000 hold")
    parser.add_argument(
        "--buffer-pool", type=int, metavar="MIB", help="of each server; default: as it is"
    )
    parser.add_argument("--statements", action="store_true", help="what each statement takes")
    sys.exit(main(parser.parse_args()))
