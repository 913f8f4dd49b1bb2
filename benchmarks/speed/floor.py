"""The floor: the service's own SQL on bare connections, one process for each connection.

No HTTP, no framework, no token; the same databases, grants, durability and order of statements.
Each operation decides as the service does, and leaves both databases exact.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import MySQLdb
from django.db import connections as django_connections

from benchmarks.speed.data import Job
from freshtrak.databases import PRIVATE, PUBLIC

Row = Sequence[Any]


class Connection:
    def __init__(self, parameters: dict[str, Any]) -> None:
        self._raw = MySQLdb.connect(**parameters, autocommit=True)
        self._cursor = self._raw.cursor()
        self.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def execute(self, sql: str, *values: Any) -> int:
        """Runs a statement; returns the id of the row that it inserted, if any."""
        self._cursor.execute(sql, values or None)
        return int(self._cursor.lastrowid or 0)

    def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        self._cursor.execute(sql, values or None)
        return self._cursor.fetchall()

    def row(self, sql: str, *values: Any) -> Row:
        (row,) = self.rows(sql, *values)
        return row

    def close(self) -> None:
        self._raw.close()


class Databases:
    """Both databases, as one process of the service uses them."""

    def __init__(self) -> None:
        self.private = Connection(_parameters(PRIVATE))
        self.public = Connection({**_parameters(PUBLIC), "user": "booking", "password": "booking"})
        rows: Any = self.private.rows("SELECT name, id FROM event_statuses")
        self.status: dict[str, int] = dict(rows)

    def close(self) -> None:
        self.private.close()
        self.public.close()


def _parameters(alias: str) -> dict[str, Any]:
    parameters = django_connections[alias].get_connection_params()
    del parameters["conv"]
    return parameters


Operation = Callable[[Databases, Job], bytes]
"""Does one job; returns the body that the service answers."""


@dataclass
class Crew:
    """Processes that share jobs."""

    operation: Operation
    jobs: Sequence[Job]
    warm_up: int
    """How many jobs at the beginning are not timed."""
    size: int

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._next = context.Value("i", 0)
        self._gate = context.Barrier(self.size + 1)
        self._reports: Any = context.SimpleQueue()
        self._members = [context.Process(target=self._work, daemon=True) for _ in range(self.size)]

    def run(self, at_start: Callable[[], None]) -> tuple[float, list[float], float]:
        """Returns seconds, seconds of each job, CPU seconds; calls `at_start` once all are warm.

        Raises RuntimeError if a process fails.
        """
        for member in self._members:
            member.start()
        self._pass_gate()
        at_start()
        self._pass_gate()
        reports = [self._report() for _ in self._members]
        for member in self._members:
            member.join()
        seconds = max(r[1] for r in reports) - min(r[0] for r in reports)
        return seconds, [one for r in reports for one in r[2]], sum(r[3] for r in reports)

    def _pass_gate(self) -> None:
        try:
            self._gate.wait(60)
        except threading.BrokenBarrierError as error:
            reason = "A process of the floor stopped." if self._reports.empty() else self._report()
            raise RuntimeError(reason) from error

    def _report(self) -> Any:
        report = self._reports.get()
        if isinstance(report, str):
            for member in self._members:
                member.terminate()
            raise RuntimeError(report)
        return report

    def _work(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            db = Databases()
            self._take(db, self.warm_up)
            self._gate.wait(60)
            self._gate.wait(60)
            cpu, began = time.process_time(), time.perf_counter()
            latencies = self._take(db, len(self.jobs))
            ended = time.perf_counter()
            self._reports.put((began, ended, latencies, time.process_time() - cpu))
        except BaseException:
            self._reports.put(traceback.format_exc())
            self._gate.abort()
        os._exit(0)  # it must not close what the parent has open

    def _take(self, db: Databases, end: int) -> list[float]:
        """Does jobs, one after another, until all those before `end` are taken."""
        latencies: list[float] = []
        while True:
            with self._next.get_lock():
                number = self._next.value
                if number >= end:
                    return latencies
                self._next.value = number + 1
            began = time.perf_counter()
            self.operation(db, self.jobs[number])
            latencies.append(time.perf_counter() - began)
