"""One timed run: create rows, warm up, time, ask the oracle, remove rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from benchmarks.speed import cpu, data, oracle
from benchmarks.speed.client import Client
from benchmarks.speed.data import Crowd, Prepared
from benchmarks.speed.floor import Crew
from benchmarks.speed.service import Service
from benchmarks.speed.workloads import Workload
from freshtrak.databases import PRIVATE, PUBLIC

PILOT = 60
"""Requests of the pilot run, which finds out how many fit into the time."""


@dataclass(frozen=True)
class Timing:
    """One run; all times in seconds."""

    seconds: float
    latencies: Sequence[float]
    application_cpu: float
    """Of the service's processes, or the floor's."""
    database_cpu: float | None
    """Of both servers; None if they run elsewhere."""
    client_cpu: float
    """Of the HTTP client, on the same cores. The floor has none."""

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


class Bench:
    """Times workloads on the running service, and their floor on the same databases."""

    def __init__(self, service: Service, *, seconds: float, requests: int | None = None) -> None:
        """A run takes about `seconds`, unless `requests` says how many requests it has."""
        self.crowd = Crowd()
        self._service, self._seconds, self._requests = service, seconds, requests
        self._counts: dict[tuple[str, int, bool], int] = {}
        self._database_pids = database_pids()

    def time_service(self, workload: Workload, connections: int) -> Timing:
        return self._time(workload, connections, is_floor=False)

    def time_floor(self, workload: Workload, processes: int) -> Timing:
        return self._time(workload, processes, is_floor=True)

    def _time(self, workload: Workload, width: int, *, is_floor: bool) -> Timing:
        key = (workload.name, width, is_floor)
        if key not in self._counts:
            pilot = self._requests or self._run(workload, width, PILOT, is_floor).per_second
            self._counts[key] = self._requests or max(PILOT, int(pilot * self._seconds))
        return self._run(workload, width, self._counts[key], is_floor)

    def _run(self, workload: Workload, width: int, count: int, is_floor: bool) -> Timing:
        """Raises oracle.Violation; then the run gives no figure."""
        warm_up = 2 * width if self._requests else max(2 * width, 16)
        prepared = workload.prepare(self.crowd, warm_up + count)
        run = self._run_floor if is_floor else self._run_service
        timing = run(workload, prepared, width, warm_up)
        oracle.check(prepared.afterwards)
        data.wipe()
        return timing

    def _run_service(
        self, workload: Workload, prepared: Prepared, connections: int, warm_up: int
    ) -> Timing:
        requests = prepared.requests
        with Client(self._service.port, connections) as client:
            client.send(requests[:warm_up], workload.expected)
            pids = cpu.tree(self._service.pid)
            database, application = cpu.seconds(self._database_pids), cpu.seconds(pids)
            own, began = time.process_time(), time.perf_counter()
            sent = client.send(requests[warm_up:], workload.expected)
            seconds, own = time.perf_counter() - began, time.process_time() - own
            application = cpu.seconds(pids) - application
            database = cpu.seconds(self._database_pids) - database
        return Timing(seconds, sent.latencies, application, self._known(database), own)

    def _run_floor(
        self, workload: Workload, prepared: Prepared, processes: int, warm_up: int
    ) -> Timing:
        assert workload.floor
        crew = Crew(workload.floor, prepared.jobs, warm_up, processes)
        before: list[float] = []
        seconds, latencies, application = crew.run(
            at_start=lambda: before.append(cpu.seconds(self._database_pids))
        )
        database = cpu.seconds(self._database_pids) - before[0]
        return Timing(seconds, latencies, application, self._known(database), 0.0)

    def _known(self, seconds: float) -> float | None:
        return seconds if self._database_pids else None


def database_pids() -> list[int]:
    """Of both servers; none if they run on another machine."""
    pids = []
    for alias in (PRIVATE, PUBLIC):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT @@pid_file")
            ((path,),) = cursor.fetchall()
        if not Path(path).exists():
            return []
        pids.append(int(Path(path).read_text()))
    return pids
