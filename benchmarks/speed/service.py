"""The service as production serves it: its server, its grants, its settings, its log lines."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections

from freshtrak.databases import PRIVATE, PUBLIC
from tests.conftest import GRANTS
from tests.support import processes

COMMAND = "python -m freshtrak.serve --bind 127.0.0.1:{port}"
VARIABLES = {PRIVATE: "PRIVATE_DATABASE_URL", PUBLIC: "PUBLIC_DATABASE_URL"}


@dataclass(frozen=True)
class Service:
    port: int
    pid: int


def grant() -> None:
    """Gives the service's user production's grants on public."""
    connection = connections[PUBLIC]
    with connection.cursor() as cursor:
        for statement in GRANTS:
            cursor.execute(statement.format(database=connection.settings_dict["NAME"]))


def _environment(proxies: dict[str, int]) -> dict[str, str]:
    environment = processes.environment()
    for alias, port in proxies.items():
        direct = f":{connections[alias].settings_dict['PORT']}/"
        environment[VARIABLES[alias]] = environment[VARIABLES[alias]].replace(direct, f":{port}/")
    return {
        **environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": settings.SECRET_KEY,
        "JWT_SIGNING_KEY": settings.SIMPLE_JWT["SIGNING_KEY"],
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
    }


@contextmanager
def serve(command: str, log: str, proxies: dict[str, int] | None = None) -> Iterator[Service]:
    """Starts `command` in a process group of its own; stops it at the end.

    Its log lines go to the file `log`. `proxies`: ports, by alias, to use instead of a server's.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with open(log, "wb") as lines:
        process = subprocess.Popen(
            shlex.split(command.format(port=port)),
            env=_environment(proxies or {}),
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    try:
        _wait_until_up(process, port)
        yield Service(port, process.pid)
    finally:
        if process.poll() is None:  # once it is reaped, another process may have its number
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The service did not start: --log FILE tells why") from error
            time.sleep(0.05)
