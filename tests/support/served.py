"""The service as production serves it: granian, real HTTP, production's grants on public."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import CaseInsensitiveMapping

from tests.support import processes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Whatever their case: servers differ."""
    body: Any


@dataclass(frozen=True)
class Service:
    address: str
    process: "subprocess.Popen[bytes]"

    def request(
        self, method: str, path: str, token: str = "", body: Any = None, **headers: str
    ) -> Answer:
        """Write `headers` with underscores: idempotency_key="…"."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, method=method)
        for name, value in {"content_type": "application/json", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        if token:
            request.add_header("Authorization", token)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error)

    def post(self, path: str, token: str, body: Any, **headers: str) -> Answer:
        return self.request("POST", path, token, body, **headers)


def _answer(status: int, response: Any) -> Answer:
    headers = CaseInsensitiveMapping(dict(response.headers))
    return Answer(status, headers, json.loads(response.read() or b"null"))


SERVERS = {
    "granian": ["-m", "freshtrak.serve"],
    "gunicorn": ["-m", "gunicorn", "freshtrak.wsgi:application"],
}


@contextmanager
def serve(server: str = "granian", **environment: str) -> Iterator[Service]:
    """The service on the test databases; `environment` overrides its variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            *SERVERS[server],
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
        ],
        env={**processes.environment(), "LOG_FORMAT": "json", **environment},
        stderr=subprocess.DEVNULL,
    )
    service = Service(f"http://127.0.0.1:{port}", process)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                service.request("GET", "/healthz")
                break
            except OSError:
                assert process.poll() is None, "the service did not start"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield service
    finally:
        process.terminate()
        process.wait(60)
