#!/usr/bin/env python3
"""Whether the memory of the workers stays flat over 100,000 requests.

    tools/with_mariadb.py python benchmarks/memory.py [--requests N] [--server COMMAND]

Eight connections send bookings (30 %), reads of a date with 50 slots (40 %), reads of one's own
registrations (20 %) and bookings that are refused (10 %). Prints the resident memory of each worker
ten times. The first tenth is the warm-up; flat means that between the second tenth and the end all
workers together grow by less than 5 %. Exits with 1 if they do not stay flat.
"""

import argparse
import os
import secrets
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
    os.environ["DEBUG"] = "false"
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        os.environ[name] = secrets.token_urlsafe(48)
    sys.path.insert(0, os.getcwd())

    import django

    django.setup()

import itertools
import logging
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from benchmarks.speed import (
    client,
    cpu,
    data,
    oracle,
    prepare_changes,
    prepare_reads,
    service,
)
from benchmarks.speed.client import Client, Expected
from benchmarks.speed.data import API, Crowd, Place
from schedules import sandbox
from tests.support import tokens

SAMPLES = 10
BATCHES = 10
"""Per sample: in each the kinds of requests follow each other."""
CONNECTIONS = 8
LIMIT = 1.05


@dataclass(frozen=True)
class Sample:
    requests: int
    """Sent so far."""
    resident: dict[int, float]
    """MiB of each worker, by process id."""

    @property
    def total(self) -> float:
        return sum(self.resident.values())


class WorkerReplaced(Exception):
    """A worker ended on the way, so its memory says nothing."""


@dataclass(frozen=True)
class _Kind:
    requests: Iterator[bytes]
    expected: Expected
    percent: int


def measure(command: str, requests: int, log: str = os.devnull) -> Iterator[Sample]:
    """A sample after each tenth of the requests, whole thousands, on empty tables.

    Raises UnexpectedAnswer, oracle.Violation and WorkerReplaced.
    """
    crowd = Crowd()
    kinds, afterwards = _prepare(crowd, requests)
    batch = requests // SAMPLES // BATCHES
    service.grant()
    with service.serve(command, log) as running, Client(running.port, CONNECTIONS) as connected:
        workers: set[int] = set()
        for tenth in range(1, SAMPLES + 1):
            for _ in range(BATCHES):
                for kind in kinds:
                    some = list(itertools.islice(kind.requests, batch * kind.percent // 100))
                    connected.send(some, kind.expected)
            resident = {pid: _resident(pid) for pid in cpu.tree(running.pid)[1:]}
            workers = workers or resident.keys() | set()
            if resident.keys() != workers:
                raise WorkerReplaced(f"{sorted(workers)}, then {sorted(resident)}")
            yield Sample(tenth * BATCHES * batch, resident)
    connections.close_all()  # the servers end sessions that are silent for minutes
    oracle.check(afterwards)


def _prepare(crowd: Crowd, requests: int) -> tuple[list[_Kind], dict[str, int]]:
    """The rows, the kinds of requests, and how many registrations there must be in the end."""
    bookings = prepare_changes.many_dates(crowd, requests * 30 // 100)
    date = prepare_reads.date_with_slots(crowd, 1)
    own = prepare_reads.own_registrations(crowd, 1)
    refused = _refusal(crowd)
    kinds = [
        _Kind(iter(bookings.requests), Expected(201, b'"confirmed"'), 30),
        _Kind(itertools.repeat(date.requests[0]), Expected(200, b'"slots"'), 40),
        _Kind(itertools.repeat(own.requests[0]), Expected(200, b'"results"'), 20),
        _Kind(itertools.repeat(refused), Expected(409, b"capacity_full"), 10),
    ]
    rows = (bookings, date, own)
    return kinds, {"confirmed": sum(one.afterwards["confirmed"] for one in rows) + 1}


def _refusal(crowd: Crowd) -> bytes:
    """A booking of a full slot by a household that does not want to wait."""
    holder, newcomer = crowd.take(2)
    slot = data.slot(capacity=1)
    data.fill([Place(slot, holder)])
    return client.request(
        "POST",
        f"{API}/registrations/",
        {"event_slot_id": slot.pk, "attendees": [newcomer.member_id], "waitlist": False},
        authorization=tokens.bearer(sub="7", household_id=newcomer.household_id),
        idempotency_key="refused",
    )


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def growth(samples: list[Sample]) -> float:
    """The memory at the end beside that after the second tenth."""
    return samples[-1].total / samples[1].total


def main(options: argparse.Namespace) -> int:
    """Prints the samples; returns the exit status."""
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    samples, began = [], time.monotonic()
    for sample in measure(options.server, options.requests, options.log):
        samples.append(sample)
        each = " + ".join(f"{one:.1f}" for one in sample.resident.values())
        print(f"{sample.requests:7,} requests: {sample.total:.1f} MiB ({each})", flush=True)
    ratio = growth(samples)
    verdict = "flat" if ratio < LIMIT else "not flat"
    print(f"{verdict}: {(ratio - 1) * 100:+.1f} %, in {time.monotonic() - began:.0f} s")
    return int(ratio >= LIMIT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--requests", type=int, default=100_000, help="whole thousands")
    add("--server", metavar="COMMAND", default=service.COMMAND, help="{port} is its port")
    add("--log", metavar="FILE", default=os.devnull, help="where the service's log lines go")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the service stops, too
    sys.exit(main(parser.parse_args()))
