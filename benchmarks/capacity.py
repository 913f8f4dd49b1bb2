#!/usr/bin/env python3
"""Checks the capacity model of docs/performance.md: do two application servers carry twice as much?

    tools/with_mariadb.py python benchmarks/capacity.py     as root, on Linux

A control group holds each application server to a share of one core, so that on one machine, too,
the application saturates before the databases do. The model says that a server answers
share / (CPU of the application per request) requests a second, however many there are, until the
databases saturate. One and two servers take turns; service and databases are those of
benchmarks.speed, and its oracle checks every run.
"""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ["DEBUG"] = "false"
os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
os.environ["JWT_SIGNING_KEY"] = secrets.token_urlsafe(48)
sys.path.insert(0, os.getcwd())

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks.speed import cpu, data, measure, oracle, service, workloads  # noqa: E402
from benchmarks.speed.client import Client  # noqa: E402
from benchmarks.speed.service import Service  # noqa: E402
from benchmarks.speed.workloads import Workload  # noqa: E402
from schedules import sandbox  # noqa: E402

SHARE = 0.35
"""Of a core, for each application server."""
PERIOD = 5_000
"""Microseconds: so short that a server held up with a lock does not hold up the others for long."""
CONNECTIONS, COUNT, ROUNDS = 8, 600, 5
NAMES = ("bookings_spread", "bookings_date", "date")


@contextmanager
def _held_to_share(pid: int) -> Iterator[None]:
    """Limits a process and its descendants, by either version of Linux's control groups."""
    root = Path("/sys/fs/cgroup")
    is_v2 = (root / "cgroup.controllers").exists()
    group = (root if is_v2 else root / "cpu") / f"freshtrak-{pid}"
    group.mkdir()
    quota = int(SHARE * PERIOD)
    if is_v2:
        (root / "cgroup.subtree_control").write_text("+cpu")
        (group / "cpu.max").write_text(f"{quota} {PERIOD}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    for one in cpu.tree(pid):
        (group / "cgroup.procs").write_text(str(one))
    try:
        yield
    finally:
        for one in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(one)
        group.rmdir()


def _run(workload: Workload, servers: list[Service], crowd: data.Crowd) -> tuple[float, ...]:
    """Requests a second, and CPU seconds per request of the application and of the databases."""
    prepared = workload.prepare(crowd, COUNT * len(servers))
    parts = [prepared.requests[number :: len(servers)] for number in range(len(servers))]
    pids = [pid for server in servers for pid in cpu.tree(server.pid)]
    databases = measure.database_pids()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(server.port, CONNECTIONS // len(servers)))
            for server in servers
        ]
        pool = stack.enter_context(ThreadPoolExecutor(len(servers)))
        before = cpu.seconds(pids), cpu.seconds(databases)
        began = time.perf_counter()
        for sent in [
            pool.submit(one.send, part, workload.expected)
            for one, part in zip(clients, parts, strict=True)
        ]:
            sent.result()
        seconds = time.perf_counter() - began
    count = len(prepared.requests)
    application = (cpu.seconds(pids) - before[0]) / count
    database = (cpu.seconds(databases) - before[1]) / count
    oracle.check(prepared.afterwards)
    data.wipe()
    return count / seconds, application, database


def main() -> None:
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    service.grant()
    crowd = data.Crowd()
    with ExitStack() as stack, tempfile.TemporaryDirectory() as logs:
        servers = [
            stack.enter_context(service.serve(service.COMMAND, f"{logs}/{number}"))
            for number in range(2)
        ]
        for server in servers:
            stack.enter_context(_held_to_share(server.pid))
        print(f"each server: {SHARE:.2f} of a core; {CONNECTIONS} connections; {ROUNDS} rounds")
        for workload in (one for one in workloads.ALL if one.name in NAMES):
            _run(workload, servers, crowd)  # warms up
            rounds = [[_run(workload, servers[:n], crowd) for n in (1, 2)] for _ in range(ROUNDS)]
            print(workload.title)
            for number in (1, 2):
                rate, application, database = (
                    median(column)
                    for column in zip(*[one[number - 1] for one in rounds], strict=True)
                )
                print(
                    f"  {number} server(s): {rate:5.0f}/s, the model says"
                    f" {number * SHARE / application:5.0f}; CPU ms {1000 * application:.2f}"
                    f" application, {1000 * database:.2f} databases"
                    f" ({rate * database:.2f} of a core)"
                )


if __name__ == "__main__":
    main()
