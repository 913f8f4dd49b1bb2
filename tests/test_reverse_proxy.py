"""The shipped nginx in front of the real service: slow requests reach no thread of the service."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from freshtrak.api.errors import CODES
from tests.support import booking as b
from tests.support import factories, nginx, served, tokens
from tests.support.served import Service

pytestmark = [pytest.mark.real_commits, pytest.mark.one_engine]

PATH = "/api/v1/registrations/"
SECONDS = 2  # far more than an answer takes, far less than nginx waits for a body


@pytest.fixture
def proxied(service: Service, tmp_path: Path) -> Iterator[Service]:
    """The service behind nginx."""
    with nginx.serve(tmp_path, service.address.removeprefix("http://")) as port:
        yield Service(f"http://127.0.0.1:{port}", service.process)


def _connect(service: Service) -> socket.socket:
    host, _, port = service.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), SECONDS)


@contextmanager
def _half_sent(service: Service, count: int) -> Iterator[list[socket.socket]]:
    """Requests that announce 500 bytes and send one."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        attackers = [stack.enter_context(_connect(service)) for _ in range(count)]
        (household,) = factories.households(1)
        token = tokens.of_household(household)
        for attacker in attackers:
            attacker.sendall(
                f"{head}Authorization: {token}\r\nContent-Length: 500\r\n\r\n{{".encode()
            )
        yield attackers


def _answers(service: Service, path: str = "/healthz") -> bool:
    try:
        with urllib.request.urlopen(f"{service.address}{path}", timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except TimeoutError:
        return False


def _raw(service: Service, request: str) -> str:
    """The whole answer to a request that nobody's library would send."""
    with _connect(service) as client:
        client.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


@pytest.mark.parametrize("count", [12, 200])
def test_half_sent_requests_stop_no_one(proxied: Service, count: int) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}

    with _half_sent(proxied, count):
        for _ in range(20):
            assert _answers(proxied)
        booked = proxied.post(PATH, tokens.of_household(household), body)

    assert (booked.status, booked.body["status"]) == (201, "confirmed")
    assert b.drift() == {}


def test_control_half_sent_requests_stop_a_service_without_a_proxy(django_db_setup: None) -> None:
    with served.serve() as service, _half_sent(service, 60):
        for _ in range(100):  # those sent before have taken all threads, sooner or later
            if not _answers(service):
                return
    pytest.fail("the service answers: the test above shows nothing")


@pytest.mark.slow
def test_half_sent_requests_are_dropped_after_ten_seconds(proxied: Service) -> None:
    with _half_sent(proxied, 3) as attackers:
        for attacker in attackers:
            attacker.settimeout(15)
            assert attacker.recv(1) == b""


def test_client_cannot_forge_what_the_proxy_says(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:  # to see what arrives there
        upstream.settimeout(10)
        with (
            nginx.serve(tmp_path, f"127.0.0.1:{upstream.getsockname()[1]}") as port,
            socket.create_connection(("127.0.0.1", port), 10) as client,
        ):
            client.sendall(
                b"GET / HTTP/1.1\r\nHost: food.example.org\r\nX-Forwarded-For: 10.9.8.7\r\n"
                b"X_Forwarded_For: 10.9.8.7\r\nX-Forwarded-Proto: https\r\n"
                b"X-Request-ID: abc-1\r\n\r\n"
            )
            arrived, _ = upstream.accept()
            with arrived:
                lines = arrived.recv(65536).decode().split("\r\n")

    assert set(lines[1:-2]) == {
        "Host: food.example.org",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Request-ID: abc-1",
    }


def test_chunked_body_reaches_the_service_whole(proxied: Service) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    body = json.dumps({"event_slot_id": slot.pk, "attendees": [household.members.get().pk]})

    answer = _raw(
        proxied,
        f"POST {PATH} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\nX-Request-ID: abc-2\n"
        f"Content-Type: application/json\nAuthorization: {tokens.of_household(household)}\n"
        f"Transfer-Encoding: chunked\n\n{len(body):x}\n{body}\n0\n\n",
    )

    assert answer.startswith("HTTP/1.1 201 ")
    assert "x-request-id: abc-2" in answer.lower()


def test_metrics_are_kept_inside(proxied: Service, service: Service) -> None:
    assert _raw(proxied, "GET /metrics HTTP/1.0\n\n").startswith("HTTP/1.1 404 ")
    assert _answers(service, "/metrics")


def _check_problem(answer: served.Answer, status: int, code: str) -> None:
    assert answer.status == status == CODES[code].status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]
    assert answer.body["type"] == f"/api/errors/#{code}"
    assert (answer.body["code"], answer.body["status"]) == (code, status)
    assert answer.body["title"]
    assert answer.body["detail"]


def test_too_large_a_body_is_a_problem_document(proxied: Service) -> None:
    answer = proxied.post(PATH, "", {"notes": "x" * 70_000})

    _check_problem(answer, 413, "request_too_large")


def test_service_that_is_down_is_a_problem_document(service: Service, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with nginx.serve(tmp_path, f"127.0.0.1:{taken.getsockname()[1]}") as port:
            down = Service(f"http://127.0.0.1:{port}", service.process)

            answer = down.request("GET", "/api/v1/events/")

    _check_problem(answer, 503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) == CODES["service_unavailable"].retry_after


def test_too_many_requests_of_one_address_are_a_problem_document(proxied: Service) -> None:
    with _half_sent(proxied, 260):
        answer = proxied.request("GET", "/api/v1/events/")

    _check_problem(answer, 429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0


def test_refusals_of_the_service_pass_unchanged(proxied: Service) -> None:
    assert proxied.request("GET", PATH).body["code"] == "not_authenticated"
