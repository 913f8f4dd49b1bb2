"""How granian serves the service: `python -m freshtrak.serve --bind 127.0.0.1:8000`.

`gunicorn freshtrak.wsgi:application` serves it too (gunicorn.conf.py), in pure Python.
SIGTERM stops after the requests that run; SIGHUP replaces the workers one after the other.
"""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from freshtrak.environment import require_settings

_STDERR = {"class": "logging.StreamHandler", "formatter": "generic"}


def main() -> None:
    options = _options()
    host, port = _address(options.bind)
    _check_free(host, port)
    require_settings()
    server = Granian(
        "freshtrak.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=options.workers,
        blocking_threads=options.threads,
        # A thread that ends takes its database connections with it: keep it as long as those.
        blocking_threads_idle_timeout=600,
        # In milliseconds. Slow bodies are for the proxy in front: ops/nginx/freshtrak.conf.
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        respawn_failed_workers=True,
        workers_kill_timeout=30,  # seconds; a booking retries for 10, plus one more lock wait
        log_level=LogLevels(options.log_level),
        log_dictconfig={"handlers": {"console": _STDERR, "access": _STDERR}},
    )
    with _shared_metrics():
        server.serve()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m freshtrak.serve", description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--threads", type=int, default=4, help="of each process")
    parser.add_argument("--log-level", default="info", choices=[level.value for level in LogLevels])
    return parser.parse_args()


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def _check_free(host: str, port: int) -> None:
    """Ends the process if another one listens there: granian would share the port with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        sys.exit(f"Cannot listen at {host}:{port}: {error.strerror}.")


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """The directory over which the metrics of all workers are summed, unless one is given."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="freshtrak-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield


if __name__ == "__main__":
    main()
