"""Statements and round trips per request, in a separate pass, one request after another.

Statements are what both servers count as `Questions`; BEGIN and COMMIT are among them. Round trips
are the commands that pass a proxy in front of each server: several statements in one packet count
as one, and so does a ping, which is not a statement.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db import connections

from benchmarks.speed import data, oracle, service
from benchmarks.speed.client import Client
from benchmarks.speed.data import Crowd, Job
from benchmarks.speed.floor import Databases, Operation
from benchmarks.speed.workloads import Workload
from freshtrak.databases import PRIVATE, PUBLIC
from tests.support.proxy import Proxy

WARM_UP, COUNTED = 12, 5


@dataclass(frozen=True)
class Cost:
    statements: float
    round_trips: float


class DifferentAnswer(Exception):
    """The floor's answer differs from the service's, so it is no longer a floor."""


def count(
    workloads: Sequence[Workload], crowd: Crowd, command: str, log: str
) -> dict[str, tuple[Cost, Cost | None]]:
    """By name of the workload: the cost of the service, and of the floor."""
    with ExitStack() as stack:
        proxies = {alias: stack.enter_context(_proxy(alias)) for alias in (PRIVATE, PUBLIC)}
        ports = {alias: proxy.port for alias, proxy in proxies.items()}
        running = stack.enter_context(service.serve(command, log, ports))
        passes = [*proxies.values()]
        return {one.name: _count(one, crowd, running.port, passes) for one in workloads}


def _proxy(alias: str) -> Proxy:
    settings = connections[alias].settings_dict
    return Proxy(settings["HOST"], int(settings["PORT"]), alias)


def _count(
    workload: Workload, crowd: Crowd, port: int, proxies: list[Proxy]
) -> tuple[Cost, Cost | None]:
    """Both use the same rows, so that their answers can be compared."""
    by_floor = COUNTED if workload.floor else 0
    prepared = workload.prepare(crowd, WARM_UP + COUNTED + by_floor)
    requests = iter(prepared.requests)
    with Client(port, 8) as client:  # warms the threads of all processes
        client.send([next(requests) for _ in range(WARM_UP)], workload.expected)
    with Client(port, 1) as client:
        bodies: list[bytes] = []

        cost = _cost(
            lambda: bodies.append(client.send([next(requests)], workload.expected).body), proxies
        )
    floor = None
    if workload.floor:
        floor, answer = _count_floor(workload.floor, prepared.jobs[-COUNTED:])
        _compare(workload, json.loads(bodies[-1]), json.loads(answer))
    oracle.check(prepared.afterwards)
    data.wipe()
    return cost, floor


def _count_floor(operation: Operation, jobs: Sequence[Job]) -> tuple[Cost, bytes]:
    """Its cost, and its last answer. Each of its statements is a round trip."""
    db, remaining, answers = Databases(), iter(jobs), []
    cost = _cost(lambda: answers.append(operation(db, next(remaining))), [])
    db.close()
    return Cost(cost.statements, cost.statements), answers[-1]


def _compare(workload: Workload, served: dict[str, Any], bare: dict[str, Any]) -> None:
    """Reads must give equal answers; changes, made for different households, equal fields.

    Raises DifferentAnswer.
    """
    same = served == bare if workload.is_read else served.keys() == bare.keys()
    if not same:
        raise DifferentAnswer(f"{workload.name}: the service {served}, the floor {bare}")


def _cost(call: Callable[[], None], proxies: list[Proxy]) -> Cost:
    """The median of several calls, because one of them may open a connection."""
    statements, round_trips = [], []
    for _ in range(COUNTED):
        commands, questions = sum(p.commands for p in proxies), _questions()
        call()
        round_trips.append(sum(p.commands for p in proxies) - commands)
        statements.append(_questions() - questions - len((PRIVATE, PUBLIC)))
    return Cost(median(statements), median(round_trips))


def _questions() -> int:
    """How many statements both servers have received, including the ones that ask for this."""
    total = 0
    for alias in (PRIVATE, PUBLIC):
        with connections[alias].cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
            total += int(cursor.fetchall()[0][1])
    return total
