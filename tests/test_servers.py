"""What production's servers promise: granian, which the project runs, and gunicorn."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.parser import text_string_to_metric_families

from tests.support import booking as b
from tests.support import factories, processes, served, tokens
from tests.support.served import Service

pytestmark = [pytest.mark.real_commits, pytest.mark.one_engine]

PATH = "/api/v1/registrations/"
SECONDS = 60  # how long anything may take here, on a busy machine too


@pytest.fixture(params=sorted(served.SERVERS))
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _workers(service: Service) -> set[int]:
    pid = service.process.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _refuses(service: Service) -> bool:
    """Whether nobody listens there any more."""
    try:
        port = int(service.address.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False


def _wait(condition: Callable[[], object], message: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.02)


def _answered(metrics: Path) -> set[int]:
    """The workers that have answered a request."""
    return {
        int(file.stem.partition("_")[2])
        for file in metrics.glob("counter_*.db")
        for key, *_ in MmapedDict.read_all_values_from_file(str(file))
        if "freshtrak_requests_total" in key
    }


def _counted(service: Service) -> float:
    """How many requests for /healthz the metrics count."""
    with urllib.request.urlopen(f"{service.address}/metrics", timeout=SECONDS) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "freshtrak_requests_total" and sample.labels["route"] == "healthz"
    )


def _ask_all(service: Service, metrics: Path, workers: int) -> int:
    """Asks for /healthz, each time over a new connection, until `workers` of them have answered.

    Returns how often."""
    asked, deadline = 0, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert service.request("GET", "/healthz").status == 200
        asked += 1
        if len(_answered(metrics)) == workers:
            return asked
    raise AssertionError(f"fewer than {workers} workers answer")


def test_booking_is_counted_whichever_worker_answers_and_when_it_has_died(
    server: str, tmp_path: Path
) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}

    with served.serve(server, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as service:
        before = _counted(service)  # those that waited for the service
        booked = service.post(PATH, tokens.of_household(household), body)
        asked = _ask_all(service, tmp_path, 2)
        together = _counted(service)
        victim = min(_workers(service))
        os.kill(victim, signal.SIGKILL)
        _wait(
            lambda: victim not in (now := _workers(service)) and len(now) == 2,
            "the worker is not replaced",
        )
        asked += _ask_all(service, tmp_path, 3)
        after = _counted(service)

    assert (booked.status, booked.body["status"]) == (201, "confirmed")
    assert together - before <= asked == after - before
    assert b.drift() == {}


@contextmanager
def _request_that_runs(service: Service) -> Iterator[tuple[socket.socket, bytes]]:
    """A booking that a thread of the service has begun to read, and the body that is missing."""
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    body = f'{{"event_slot_id": {slot.pk}, "attendees": [{household.members.get().pk}]}}'.encode()
    host, _, port = service.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), SECONDS) as client:
        client.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Authorization: {tokens.of_household(household)}\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield client, body


def test_sigterm_finishes_the_request_that_runs(server: str) -> None:
    with served.serve(server) as service, _request_that_runs(service) as (client, body):
        service.process.terminate()
        # A worker of granian that is busy with nothing sometimes needs the whole time that it has.
        _wait(lambda: len(_workers(service)) == 1 or _refuses(service), "nothing has stopped")
        client.sendall(body)
        answer = client.recv(65536)
        service.process.wait(2 * SECONDS)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert service.process.returncode == 0
    assert b.drift() == {}


@pytest.mark.slow
def test_sighup_replaces_the_workers_and_finishes_the_request_that_runs(server: str) -> None:
    with served.serve(server) as service, _request_that_runs(service) as (client, body):
        old = _workers(service)
        service.process.send_signal(signal.SIGHUP)
        _wait(lambda: _workers(service) - old, "no new worker")
        client.sendall(body)
        answer = client.recv(65536)
        _wait(lambda: not _workers(service) & old, "an old worker stays")
        healthy = service.request("GET", "/healthz").status

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert healthy == 200
    assert b.drift() == {}


def test_body_of_unknown_length_is_refused_in_words(server: str) -> None:
    (household,) = factories.households(1)
    token = tokens.of_household(household)
    with served.serve(server) as service:
        host, _, port = service.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), SECONDS) as client:
            client.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                f"Authorization: {token}\r\nTransfer-Encoding: chunked\r\n"
                "Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


def test_port_that_is_taken_ends_the_start_in_words() -> None:
    """granian alone would share the port with another granian."""
    with served.serve() as service:
        ended = subprocess.run(
            [sys.executable, *served.SERVERS["granian"], "--bind", service.address[7:]],
            env=processes.environment(),
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Cannot listen at 127.0.0.1:")


def _post(service: Service, token: str, body: bytes, *, chunked: bool) -> tuple[int, Any]:
    """Status and answer of a booking; chunked, its Content-Length is not known beforehand."""
    headers = {"Authorization": token, "Content-Type": "application/json"}
    pieces = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
    address = service.address.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=SECONDS)) as connection:
        connection.request("POST", PATH, pieces if chunked else body, headers)
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())


@pytest.mark.parametrize("chunked", [False, True])
def test_large_body_is_refused_at_once_and_a_small_one_read(server: str, chunked: bool) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    token = tokens.of_household(household)
    large = b'{"attendees": [' + b"0," * 1_200_000 + b"0]}"
    small = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}

    with served.serve(server) as service:
        refused = _post(service, token, large, chunked=chunked)
        booked = _post(service, token, json.dumps(small).encode(), chunked=chunked)

    assert (refused[0], refused[1]["code"]) == (413, "request_too_large")
    assert (booked[0], booked[1]["status"]) == (201, "confirmed")
