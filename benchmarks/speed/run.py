"""The whole benchmark, from empty databases to the report."""

import argparse
import json
import logging
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.core.management import call_command
from django.db import connections
from rich.console import Console
from rich.progress import Progress

from benchmarks.speed import chart, counting, oracle, report, service, workloads
from benchmarks.speed.chart import Figure
from benchmarks.speed.client import UnexpectedAnswer
from benchmarks.speed.measure import Bench
from benchmarks.speed.workloads import Workload
from freshtrak.databases import PRIVATE
from schedules import sandbox

SHORT_REQUESTS = 10


def main(options: argparse.Namespace) -> int:
    """Prints the table; returns the exit status."""
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()  # refuses a database that is in use
    command = options.server or service.COMMAND
    rounds, requests = (1, SHORT_REQUESTS) if options.short else (options.rounds, None)
    chosen = [one for one in workloads.ALL if not options.only or one.name in options.only]
    if options.short:
        chosen = short(chosen)
    out, err = Console(width=None if os.isatty(1) else 170), Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=sum(len(one.connections) for one in chosen) + 1)

        def advance(title: str) -> None:
            progress.update(task, description=title, advance=1)

        try:
            figures = measure(
                chosen,
                command,
                rounds=rounds,
                seconds=options.seconds,
                requests=requests,
                log=options.log,
                advance=advance,
            )
        except (
            oracle.Violation,
            counting.DifferentAnswer,
            UnexpectedAnswer,
            RuntimeError,  # the service does not start, or a process of the floor fails
        ) as error:
            err.print(f"No figures. {type(error).__name__}: {error}", style="red", markup=False)
            return 1
    about = environment(command, rounds)
    out.print(report.table(figures, " · ".join(f"{name} {how}" for name, how in about.items())))
    if options.json:
        options.json.write_text(json.dumps({"about": about, "figures": figures}, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart.svg(figures))
    return 0


def short(chosen: Sequence[Workload]) -> list[Workload]:
    """The same workloads, with two connections only."""
    return [replace(one, connections=(2,)) for one in chosen]


def measure(
    chosen: Sequence[Workload],
    command: str = service.COMMAND,
    *,
    rounds: int,
    seconds: float = 0,
    requests: int | None = None,
    log: str = os.devnull,
    advance: Callable[[str], None] = lambda title: None,
) -> list[Figure]:
    """The figures of these workloads, on empty tables.

    Raises oracle.Violation, UnexpectedAnswer, DifferentAnswer; then there are no figures.
    """
    service.grant()
    with service.serve(command, log) as running:
        bench = Bench(running, seconds=seconds, requests=requests)
        advance("statements and round trips")
        costs = counting.count(chosen, bench.crowd, command, log)
        figures = []
        for workload in chosen:
            for width in workload.connections:
                advance(f"{workload.title}, {width}")
                service_runs, floor_runs = [], []
                for _ in range(rounds):  # taking turns, so that both find the same machine
                    service_runs.append(bench.time_service(workload, width))
                    if workload.floor:
                        floor_runs.append(bench.time_floor(workload, width))
                figure = report.figure(
                    workload, width, service_runs, floor_runs, costs[workload.name]
                )
                figures.append(figure)
        return figures


def environment(command: str, rounds: int) -> dict[str, Any]:
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute("SELECT @@version")
        ((version,),) = cursor.fetchall()
    return {
        "cores": os.cpu_count(),
        "Python": platform.python_version(),
        "database": version,
        "rounds": rounds,
        "server": command.split()[0],
    }
