"""The benchmark's short form works, and gives no figure when a guarantee is broken."""

import secrets
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import memory
from benchmarks.speed import chart, data, floor_changes, oracle, report, run, service, workloads
from benchmarks.speed.data import Crowd, Place
from benchmarks.speed.measure import Bench
from benchmarks.speed.service import Service

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]


@pytest.fixture(autouse=True)
def _own_secrets(settings: Any) -> None:
    """The service that is measured runs without DEBUG, and refuses the secrets of a trial."""
    settings.SECRET_KEY = settings.JWT_SIGNING_KEY = secrets.token_urlsafe(48)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "SIGNING_KEY": settings.JWT_SIGNING_KEY}


ONE_PROCESS = f"{service.COMMAND} --workers 1"


def test_short_form_has_a_figure_for_each_workload() -> None:
    chosen = run.short(workloads.ALL)

    figures = run.measure(chosen, ONE_PROCESS, rounds=1, requests=run.SHORT_REQUESTS)

    sides = [one[side] for one in figures for side in ("service", "floor") if one[side]]
    assert [one["workload"] for one in figures] == [one.name for one in workloads.ALL]
    assert [one["workload"] for one in figures if not one["floor"]] == ["day_view"]
    assert {side["requests"] for side in sides} == {run.SHORT_REQUESTS}
    assert all(side["per_second"]["median"] > 0 for side in sides)
    # Not compared with each other: other workers' statements reach the same servers.
    assert all(side["statements"] > 0 and side["round_trips"] > 0 for side in sides)
    assert report.table(figures, "short").row_count == len(sides)
    bars = ElementTree.fromstring(chart.svg(figures)).iter("{http://www.w3.org/2000/svg}rect")
    assert len(list(bars)) == len(sides) + 3  # plus the background and the legend's two


def test_run_that_breaks_a_guarantee_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the floor forgets the date's counter."""
    monkeypatch.setattr(floor_changes, "ROLL_UP", "DO %s")
    (booking,) = (one for one in workloads.ALL if one.name == "bookings_date")
    bench = Bench(Service(port=0, pid=0), seconds=0, requests=4)

    with pytest.raises(oracle.Violation, match="drift"):
        bench.time_floor(booking, 2)


def test_short_growth_has_a_ratio_for_each_size_and_target() -> None:
    """As a process, in databases of its own: its rows go in beside the factories."""
    run_short = [sys.executable, "benchmarks/growth.py", "--short"]

    ended = subprocess.run(run_short, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count(", ratio ") == 5


def test_memory_is_measured_of_the_workers_alone() -> None:
    samples = list(memory.measure(ONE_PROCESS, 1_000))

    assert [sample.requests for sample in samples] == list(range(100, 1_001, 100))
    assert {len(sample.resident) for sample in samples} == {1}
    assert all(20 < sample.total < 1_000 for sample in samples)  # MiB


def test_memory_that_grows_is_not_flat() -> None:
    samples = [
        memory.Sample(requests, {1: 60.0 + requests / 20_000}) for requests in (1, 2, 90_000)
    ]

    assert memory.growth(samples) > memory.LIMIT


@pytest.fixture
def slot() -> Any:
    """A slot with one registration, as a run leaves it."""
    row = data.slot(capacity=1)
    data.fill([Place(row, *Crowd().take(1))])
    return row


def test_oracle_accepts_what_callers_were_told(slot: Any) -> None:
    oracle.check({"confirmed": 1})


def test_oracle_refuses_a_missing_registration(slot: Any) -> None:
    with pytest.raises(oracle.Violation, match="statuses"):
        oracle.check({"confirmed": 2})


def test_oracle_refuses_a_wrong_counter(slot: Any) -> None:
    type(slot).objects.update(reserved=2)

    with pytest.raises(oracle.Violation, match="drift"):
        oracle.check({"confirmed": 1})


def test_oracle_refuses_an_oversold_slot(slot: Any) -> None:
    type(slot).objects.update(capacity=0)

    with pytest.raises(oracle.Violation, match="oversold"):
        oracle.check({"confirmed": 1})
