"""The figures: medians over the rounds, as JSON and as a table."""

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from benchmarks.speed.chart import Figure
from benchmarks.speed.counting import Cost
from benchmarks.speed.measure import Timing
from benchmarks.speed.workloads import Workload


def figure(
    workload: Workload,
    connections: int,
    service: Sequence[Timing],
    floor: Sequence[Timing],
    costs: tuple[Cost, Cost | None],
) -> Figure:
    """`floor` is empty if the workload has none."""
    pairs = zip(service, floor, strict=False)
    ratios = [served.per_second / bare.per_second for served, bare in pairs]
    return {
        "workload": workload.name,
        "title": workload.title,
        "connections": connections,
        "is_read": workload.is_read,
        "service": _side(service, costs[0]),
        "floor": _side(floor, costs[1]) if floor and costs[1] else None,
        "of_the_floor": _spread(ratios) if ratios else None,
    }


def _side(rounds: Sequence[Timing], cost: Cost) -> Figure:
    latencies = [sorted(timing.latencies) for timing in rounds]
    return {
        "requests": sum(map(len, latencies)),
        "per_second": _spread([timing.per_second for timing in rounds]),
        **{
            f"p{percent}_ms": round(1000 * median(_at(one, percent) for one in latencies), 2)
            for percent in (50, 95, 99)
        },
        "application_cpu_ms": _each(rounds, [one.application_cpu for one in rounds]),
        "database_cpu_ms": _each(rounds, [one.database_cpu for one in rounds]),
        "client_cpu_ms": _each(rounds, [one.client_cpu for one in rounds]),
        "statements": cost.statements,
        "round_trips": cost.round_trips,
    }


def _at(ordered: Sequence[float], percent: int) -> float:
    """A percentile: the smallest value that this many per cent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _spread(values: Sequence[float]) -> Figure:
    spread = {"median": median(values), "least": min(values), "most": max(values)}
    return {name: round(value, 3) for name, value in spread.items()}


def _each(rounds: Sequence[Timing], seconds: Sequence[float | None]) -> float | None:
    """Milliseconds per request."""
    known = [
        1000 * spent / len(timing.latencies)
        for timing, spent in zip(rounds, seconds, strict=True)
        if spent is not None
    ]
    return round(median(known), 3) if known else None


def table(figures: Sequence[Figure], title: str) -> Table:
    shown = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        caption=(
            "Medians over the rounds. CPU per request: application (the service's or the floor's"
            " processes), both database servers, and the HTTP client, which shares the cores."
        ),
    )
    for name in ("Workload", "Conn.", ""):
        shown.add_column(name, justify="right" if name == "Conn." else "left")
    for name in (
        "per second",
        "of the floor",
        "p50 ms",
        "p95",
        "p99",
        "CPU ms app",
        "db",
        "client",
        "statements",
        "round trips",
    ):
        shown.add_column(name, justify="right")
    for one in figures:
        shown.add_row(
            one["title"],
            str(one["connections"]),
            "service",
            *_cells(one["service"], one["of_the_floor"]),
        )
        if one["floor"]:
            shown.add_row("", "", "floor", *_cells(one["floor"], None), style="dim")
    return shown


def _cells(side: Figure, ratio: Figure | None) -> list[str]:
    share = f"{ratio['median']:.2f} ({ratio['least']:.2f}–{ratio['most']:.2f})" if ratio else ""
    names = ("p50_ms", "p95_ms", "p99_ms", "application_cpu_ms", "database_cpu_ms", "client_cpu_ms")
    times = ["—" if side[name] is None else f"{side[name]:.2f}" for name in names]
    return [
        f"{side['per_second']['median']:.0f}",
        share,
        *times,
        f"{side['statements']:.0f}",
        f"{side['round_trips']:.0f}",
    ]
