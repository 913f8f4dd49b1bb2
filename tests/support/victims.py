"""Processes that run one operation and may be killed at any statement.

Each one starts at once, forked from a process that has imported everything:

    with victims.fork_server() as fork_server:
        victim = fork_server.start("register", household.pk, slot.pk)
        victim.kill()               # SIGKILL
        victim.outcome.result(30)   # or: what its caller got
"""

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.support import processes


@dataclass
class Victim:
    number: int
    pid: "Future[int]" = field(default_factory=Future)
    reached: "Future[str]" = field(default_factory=Future)
    """The point at which it stops, once it is there."""
    outcome: "Future[str]" = field(default_factory=Future)
    """Never set for a process that was killed."""

    def kill(self) -> None:
        """Kills it and waits until it is dead: until then it keeps its connections and locks."""
        process = os.pidfd_open(self.pid.result(30))
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            assert select.select([process], [], [], 30)[0], "a killed process is still alive"
        finally:
            os.close(process)


class ForkServer:
    """The process that victims are forked from."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process, self._lock = process, threading.Lock()
        self._victims: list[Victim] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(
        self,
        operation: str,
        *ids: int | str,
        ports: dict[str, int] | None = None,
        read_timeout: int | None = None,
        stop_at: str | None = None,
    ) -> Victim:
        """Runs an operation of `tests.support.victim`, up to the point `stop_at` if there is one.

        `ports`, by alias, replace those of the tests' servers; `read_timeout` is in seconds.
        """
        with self._lock:
            victim = Victim(len(self._victims))
            self._victims.append(victim)
            order = {
                "number": victim.number,
                "ports": ports or {},
                "read_timeout": read_timeout,
                "stop_at": stop_at,
                "operation": [operation, *ids],
            }
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return victim

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            report = json.loads(line)
            victim = self._victims[report["number"]]
            for name in report.keys() & {"pid", "reached", "outcome"}:
                getattr(victim, name).set_result(report[name])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()


@contextmanager
def fork_server(**environment: str) -> Iterator[ForkServer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.victims"],
        env={**processes.environment(), "LOG_LEVEL": "CRITICAL", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    running = ForkServer(process)
    try:
        yield running
    finally:
        running.close()


@cache
def _shared() -> ForkServer:
    """One for all tests of this process."""
    atexit.register(_at_exit.close)
    return _at_exit.enter_context(fork_server())


_at_exit = ExitStack()
"""Kept here, or a forked process, which forgets what `atexit` holds, would close the server."""


def kill_at(point: str, operation: str, *ids: int | str) -> None:
    """Runs an operation in a process of its own and kills it with SIGKILL at `point`.

    Points and operations: see tests/support/victim.py.
    """
    victim = _shared().start(operation, *ids, stop_at=point)
    wait([victim.reached, victim.outcome], timeout=30, return_when=FIRST_COMPLETED)
    assert victim.reached.done(), f"not at {point}, but: {victim.outcome}"
    victim.kill()


def kill_in_request(point: str, path: str, token: str, body: Any, **headers: str) -> None:
    """Handles a POST in a process of its own and kills it with SIGKILL at `point`."""
    kill_at(point, "post", path, token, json.dumps(body), json.dumps(headers))


# In the process itself ----------------------------------------------------------------


def _serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no one here waits for dead children
    from tests.support import victim  # imports Django, and everything an operation needs

    gc.freeze()  # a collection in a child would copy the memory that it shares with this process
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
        if order["read_timeout"]:
            connections[alias].settings_dict["OPTIONS"]["read_timeout"] = order["read_timeout"]
    if order["stop_at"]:
        victim.stop_at(
            order["stop_at"], lambda point: _report(number=order["number"], reached=point)
        )
    try:
        return str(victim.run(*order["operation"]))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _report(**what: Any) -> None:
    # One write, so that the lines of several processes do not mix.
    os.write(1, (json.dumps(what) + "\n").encode())


if __name__ == "__main__":
    _serve()
