"""Processes that run one operation and may be killed at any statement.

Each is forked from a process that has imported everything, so that it starts at once:

    with victims.stable() as stable:
        victim = stable.start({PRIVATE: 3306, PUBLIC: 3307}, "register", household.pk, slot.pk)
        victim.kill()               # SIGKILL
        victim.outcome.result(30)   # or: what it answered its caller
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import processes


@dataclass
class Victim:
    number: int
    pid: "Future[int]" = field(default_factory=Future)
    outcome: "Future[str]" = field(default_factory=Future)
    """Never set for a process that was killed."""

    def kill(self) -> None:
        os.kill(self.pid.result(30), signal.SIGKILL)


class Stable:
    """The process that victims are forked from."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process, self._lock = process, threading.Lock()
        self._victims: list[Victim] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, ports: dict[str, int], operation: str, *ids: int) -> Victim:
        """Runs an operation of `tests.support.victim` on servers at these ports, by alias."""
        with self._lock:
            victim = Victim(len(self._victims))
            self._victims.append(victim)
            order = {"number": victim.number, "ports": ports, "operation": [operation, *ids]}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return victim

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            report = json.loads(line)
            victim = self._victims[report["number"]]
            if "pid" in report:
                victim.pid.set_result(report["pid"])
            else:
                victim.outcome.set_result(report["outcome"])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()


@contextmanager
def stable(**environment: str) -> Iterator[Stable]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.victims"],
        env={**processes.environment(), "LOG_LEVEL": "CRITICAL", **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    running = Stable(process)
    try:
        yield running
    finally:
        running.close()


# In the process itself ----------------------------------------------------------------


def _serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's business here
    from tests.support import victim  # imports Django, and all that an operation needs

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _report(number=order["number"], outcome=_run(victim, order))
            os._exit(0)
        _report(number=order["number"], pid=pid)


def _run(victim: Any, order: dict[str, Any]) -> str:
    from django.db import connections

    for alias, port in order["ports"].items():
        connections[alias].settings_dict["PORT"] = port
    try:
        return str(victim.run(*order["operation"]))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _report(**what: Any) -> None:
    # One write, so that the lines of several processes do not mix.
    os.write(1, (json.dumps(what) + "\n").encode())


if __name__ == "__main__":
    _serve()
