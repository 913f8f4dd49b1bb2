"""How often something may happen, counted for all workers of a machine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from freshtrak import rates
from freshtrak.rates import Rate

pytestmark = pytest.mark.one_engine  # no database of the service has a part in it


@pytest.fixture(autouse=True)
def _three_a_minute(settings: Any) -> None:
    settings.RATES = {**settings.RATES, "read": Rate(3, 60), "change": Rate(3, 60)}


def test_a_rate_lets_as_many_through_and_says_how_long_to_wait() -> None:
    with time_machine.travel("2026-12-01 15:00:15Z", tick=False):
        waits = [rates.wait("read", "anna") for _ in range(5)]

    assert waits == [None, None, None, 45, 45]


def test_a_new_window_begins_at_zero() -> None:
    with time_machine.travel("2026-12-01 15:00:59Z", tick=False):
        for _ in range(4):
            rates.wait("read", "anna")
    with time_machine.travel("2026-12-01 15:01:00Z", tick=False):
        assert rates.wait("read", "anna") is None


def test_callers_and_scopes_are_counted_apart() -> None:
    with time_machine.travel("2026-12-01 15:00:15Z", tick=False):
        for _ in range(4):
            rates.wait("read", "anna")

        assert rates.wait("read", "anna") == 45
        assert rates.wait("read", "ben") is None
        assert rates.wait("change", "anna") is None


def test_no_rate_is_no_limit(settings: Any) -> None:
    settings.RATES = {**settings.RATES, "read": rates.parse("none")}

    assert {rates.wait("read", "anna") for _ in range(2_000)} == {None}


def test_processes_count_together(tmp_path: Path, settings: Any) -> None:
    settings.RATES_FILE = str(tmp_path / "rates.sqlite3")
    rates.counts.clear()
    code = (
        "import django; django.setup(); from freshtrak import rates;"
        f"rates.settings.RATES_FILE = {settings.RATES_FILE!r};"
        "[rates.counts.add(b'key', 60, 0) for _ in range(500)]"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "freshtrak.settings", "DEBUG": "true"}
    command = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment) for _ in range(4)
    ]

    assert [process.wait(60) for process in processes] == [0] * 4
    assert rates.counts.add(b"key", 60, 0) == 4 * 500 + 1


def test_a_store_that_fails_lets_everybody_through_and_says_so_once(
    tmp_path: Path, settings: Any
) -> None:
    settings.RATES_FILE = str(tmp_path / "no such directory" / "rates.sqlite3")
    rates.counts.clear()

    with capture_logs() as lines:
        waits = [rates.wait("read", "anna") for _ in range(5)]

    assert waits == [None] * 5
    assert [line["event"] for line in lines] == ["rates_unavailable"]


@pytest.mark.parametrize("text", ["0/min", "20", "20/year", "-1/min", "many", "1.5/s"])
def test_a_rate_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 120/min"):
        rates.parse(text)
