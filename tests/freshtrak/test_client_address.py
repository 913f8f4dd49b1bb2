"""Whose failures count together: through proxies, over both doors, whatever is forged."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.checks import run_checks
from django.test import Client, RequestFactory
from structlog.testing import capture_logs

from freshtrak import client_address, lockout
from tests.support import desk


def _address(forwarded: str | None, remote: str = "10.0.0.1") -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)
    return client_address.client_address(request)


@pytest.fixture
def behind(settings: Any) -> Any:
    def declare(proxies: int) -> None:
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}

    return declare


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "9.9.9.9", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "9.9.9.9, 203.0.113.7", "203.0.113.7"),
        (1, "9.9.9.9,, 203.0.113.7 ", "203.0.113.7"),
        (2, "9.9.9.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", "203.0.113.7"),
        (1, "203.0.113.7:4711", "203.0.113.7"),
        (1, '"[2001:db8:1:2:3:4:5:6]:443"', "2001:db8:1:2::"),
        (1, "2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        (1, "2001:DB8:1:2::9%eth0", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "unknown", "10.0.0.1"),
        (1, "203.0.113.7, x" * 99, "10.0.0.1"),
        (1, "[", "10.0.0.1"),
        (1, "203.0.113.777", "10.0.0.1"),
        (1, "1" * 5_000, "10.0.0.1"),
    ],
)
def test_only_what_the_proxies_add_counts(
    behind: Any, proxies: int, forwarded: str | None, address: str
) -> None:
    behind(proxies)

    assert _address(forwarded) == address


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:1234", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::1", "::"),
        ("", "0.0.0.0"),
    ],
)
def test_without_a_proxy_the_connection_counts(remote: str, address: str) -> None:
    assert _address("9.9.9.9", remote) == address


# Locks ------------------------------------------------------------------------------------


@pytest.fixture
def ben() -> Any:
    cache.clear()
    return desk.member("Front desk", "ben", password="right horse")


def _from(address: str) -> Any:
    return Client(headers={"X-Forwarded-For": address})


def _at_desk(password: str, address: str = "203.0.113.7") -> int:
    data = {"username": "ben", "password": password}
    return int(_from(address).post("/admin/login/", data).status_code)


def _over_api(password: str, address: str = "203.0.113.7") -> int:
    data = {"username": "ben", "password": password}
    answer = _from(address).post("/api/v1/auth/token/", data, "application/json")
    return int(answer.status_code)


def test_failures_at_the_desk_and_over_the_api_count_together(behind: Any, ben: Any) -> None:
    behind(1)

    first = [_at_desk("wrong") for _ in range(3)] + [_over_api("wrong")]
    last = _over_api("wrong")

    assert (first, last) == ([200, 200, 200, 401], 429)
    assert (_at_desk("right horse"), _over_api("right horse")) == (429, 429)


@pytest.mark.parametrize("attack", [_at_desk, _over_api])
def test_nobody_is_locked_out_from_elsewhere(behind: Any, ben: Any, attack: Any) -> None:
    behind(1)

    assert [attack("wrong", "198.51.100.9") for _ in range(6)][-1] == 429

    assert _at_desk("right horse", "203.0.113.7") == 302
    assert _over_api("right horse", "203.0.113.7") == 200


@pytest.mark.parametrize("attack", [_at_desk, _over_api])
def test_an_invented_or_a_neighbouring_address_is_no_way_round(
    behind: Any, ben: Any, attack: Any
) -> None:
    behind(1)

    invented = [attack("wrong", f"10.9.8.{n}, 203.0.113.7") for n in range(5)]
    neighbours = [attack("wrong", f"2001:db8:1:2::{n}") for n in range(5)]

    assert (invented[-1], neighbours[-1]) == (429, 429)
    assert {lock.ip_address for lock in lockout.locks()} == {"203.0.113.7", "2001:db8:1:2::"}


def test_rubbish_is_no_error(behind: Any, ben: Any) -> None:
    behind(1)

    assert {_at_desk("wrong", text) for text in ("x" * 500, "a,b", "[::", "é")} == {200}
    assert get_user_model().objects.count() == 1


# A proxy that is not declared -------------------------------------------------------------


def _warnings(remote: str, monkeypatch: pytest.MonkeyPatch, **headers: str) -> int:
    monkeypatch.setattr(client_address, "_warned", False)
    with capture_logs() as lines:
        for _ in range(2):
            Client(REMOTE_ADDR=remote).get("/healthz", headers=headers)
    return [line["event"] for line in lines].count("undeclared_proxy")


@pytest.mark.parametrize("remote", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", ""])
def test_an_undeclared_proxy_is_said_once(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _warnings(remote, monkeypatch, x_forwarded_for="203.0.113.7") == 1


def test_what_is_no_undeclared_proxy_is_not_said(
    behind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _warnings("127.0.0.1", monkeypatch) == 0
    assert _warnings("8.8.8.8", monkeypatch, x_forwarded_for="9.9.9.9") == 0
    behind(1)
    assert _warnings("127.0.0.1", monkeypatch, x_forwarded_for="203.0.113.7") == 0


def test_check_warns_of_tls_without_a_declared_proxy(behind: Any, settings: Any) -> None:
    def found() -> list[str]:
        return [str(message.id) for message in run_checks(tags=["security"])]

    settings.SECURE_SSL_REDIRECT = True
    assert found() == ["freshtrak.W013"]
    behind(1)
    assert found() == []
