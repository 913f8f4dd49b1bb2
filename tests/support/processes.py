"""Real processes on the test databases: to be stopped at a named point, and killed."""

import json
import os
import subprocess
import sys
from typing import Any

from django.db import connections

from freshtrak.databases import PRIVATE, PUBLIC


def environment() -> dict[str, str]:
    """What another process needs to work on the test databases, with production's grants."""
    return {
        **os.environ,
        "DEBUG": "true",
        "PRIVATE_DATABASE_URL": _url(PRIVATE),
        "PUBLIC_DATABASE_URL": _url(PUBLIC, user="booking"),
    }


def _url(alias: str, user: str = "owner") -> str:
    settings = connections[alias].settings_dict
    if connections[alias].vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    where = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    return f"mysql://{user}:{user}@{where}"


def kill_at(point: str, *operation: Any) -> None:
    """Runs an operation in a process of its own and kills it with SIGKILL at `point`.

    Points and operations: see tests/support/victim.py.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.victim", point, *map(str, operation)],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    reached = process.stdout.readline().strip()
    process.kill()
    process.wait(10)
    process.stdin.close()
    process.stdout.close()
    assert reached == point, f"the process ended before {point}"


def kill_in_request(point: str, path: str, token: str, body: Any, **headers: str) -> None:
    """Sends a POST to a process of its own and kills it with SIGKILL at `point` of its answer."""
    kill_at(point, "post", path, token, json.dumps(body), json.dumps(headers))
