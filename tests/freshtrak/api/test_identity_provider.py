"""What a provider's state means for callers: 401 for a bad token, 503 if nobody can tell."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from freshtrak.api import authentication, identity_provider
from registrations.models import Household
from tests.support import identity_provider as idp
from tests.support import served
from tests.support.identity_provider import AUDIENCE, ISSUER, Provider

PATH = "/api/v1/registrations/"
UP, DOWN, BAD = (200, ""), (503, "identity_provider_unavailable"), (401, "token_not_valid")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with idp.running() as provider:
        yield provider


@pytest.fixture
def backend(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What verifies tokens; it has asked nobody yet."""
    backend = identity_provider.ProviderBackend(
        url=provider.url,
        algorithm="RS256",
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=timedelta(seconds=30),
    )
    monkeypatch.setattr(authentication.CallerToken, "_token_backend", backend)
    return backend


def _ask(token: str) -> tuple[int, str]:
    response = APIClient().get(PATH, headers={"Authorization": f"Bearer {token}"})
    return response.status_code, response.json().get("code", "")


def _wait_for_fetch(backend: Any) -> None:
    assert backend._keys._done.wait(10)


@pytest.fixture
def own(household: Household) -> dict[str, Any]:
    """The claim of a household."""
    return {"household_id": household.pk}


def test_keys_are_fetched_once(provider: Provider, backend: Any, own: dict[str, Any]) -> None:
    assert [_ask(provider.token(**own)) for _ in range(3)] == [UP] * 3
    assert provider.asked == 1


@pytest.mark.parametrize(
    ("claims", "answer"),
    [
        ({"iss": "https://other.example"}, BAD),
        ({"aud": "somebody-else"}, BAD),
        ({"aud": ["somebody-else", AUDIENCE]}, UP),
        ({"aud": None}, BAD),
        ({"aud": None, "client_id": AUDIENCE, "token_use": "access"}, UP),  # Cognito's
        ({"aud": None, "client_id": "somebody-else"}, BAD),
        ({"aud": "somebody-else", "client_id": AUDIENCE}, BAD),
        ({"exp": -25}, UP),
        ({"exp": -35}, BAD),
        ({"nbf": 25, "iat": 25}, UP),
        ({"nbf": 35}, BAD),
    ],
)
def test_claims_are_checked_with_leeway_for_clocks(
    provider: Provider, backend: Any, own: dict[str, Any], claims: dict[str, Any], answer: Any
) -> None:
    now = int(time.time())
    claims = {name: now + v if isinstance(v, int) else v for name, v in claims.items()}

    assert _ask(provider.token(**{**own, **claims})) == answer


def test_forged_tokens_stay_401(provider: Provider, backend: Any, own: dict[str, Any]) -> None:
    good = provider.token(**own)
    head, body, signature = good.split(".")

    assert _ask(provider.token(key=idp.rsa_key(), **own)) == BAD
    assert _ask(f"{head}.{body}.{signature[:-8]}AAAAAAAA") == BAD
    assert _ask(f"{head}.{body}.") == BAD
    assert _ask("x.y.z") == BAD
    assert _ask(good) == UP


def test_only_the_configured_algorithm_reaches_the_provider(
    provider: Provider, backend: Any
) -> None:
    import jwt

    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60}
    shared = jwt.encode(claims, "k" * 64, "HS256", headers={"kid": "1"})
    longer = jwt.encode(claims, provider.signing_key, "RS512", headers={"kid": "1"})
    without_id = jwt.encode(claims, provider.signing_key, "RS256")

    assert {_ask(token) for token in (shared, longer, without_id)} == {BAD}
    assert provider.asked == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sorry</html>",
        b"[]",
        b"{}",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [7, {"kid": "1"}, {"kid": 1, "kty": "RSA"}]}',
        b'{"keys": [{"kid": "1", "kty": "oct", "k": "aaaa"}]}',
        b'{"keys": [{"kid": "1", "kty": "RSA", "n": "AQAB", "e": "!"}]}',
        b"[" * 100_000,
        b" " * 300_000,
        b"\xff\xfe",
    ],
)
def test_garbage_is_503_and_said_once(
    provider: Provider, backend: Any, own: dict[str, Any], body: bytes
) -> None:
    provider.behave = provider.send(body)

    with capture_logs() as lines:
        answers = [_ask(provider.token(**own)) for _ in range(3)]

    assert answers == [DOWN] * 3
    assert [line["event"] for line in lines].count("identity_provider_unavailable") == 1
    assert provider.asked == 1


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_errors_and_redirects_are_503(
    provider: Provider, backend: Any, own: dict[str, Any], status: int
) -> None:
    provider.behave = provider.send(b"", status, Location=f"{provider.url}?again")

    assert _ask(provider.token(**own)) == DOWN
    assert provider.asked == 1


def test_keys_for_something_else_are_no_keys(
    provider: Provider, backend: Any, own: dict[str, Any]
) -> None:
    encrypting = idp.jwk(provider.signing_key, "2", use="enc")
    other = idp.jwk(provider.signing_key, "3", alg="RS512")
    provider.keys += [encrypting, other]

    answers = [_ask(provider.token(key_id, **own)) for key_id in ("1", "2", "3")]

    assert answers == [UP, BAD, BAD]


def test_a_provider_that_is_down_is_503_with_retry_after(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, Any]
) -> None:
    with idp.running() as gone:
        token = gone.token(**own)
    down = identity_provider.ProviderBackend(
        url=gone.url, algorithm="RS256", issuer=ISSUER, audience=AUDIENCE
    )
    monkeypatch.setattr(authentication.CallerToken, "_token_backend", down)

    response = APIClient().get(PATH, headers={"Authorization": f"Bearer {token}"})

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "identity_provider_unavailable"
    assert "WWW-Authenticate" not in response


def test_known_keys_outlive_the_provider(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _ask(provider.token(**own)) == UP
    provider.behave = provider.send(b"", 500)
    monkeypatch.setattr(identity_provider, "FRESH", 0.0)
    monkeypatch.setattr(identity_provider, "PAUSE", 0.0)

    assert _ask(provider.token(**own)) == UP
    _wait_for_fetch(backend)

    assert provider.asked == 2
    assert _ask(provider.token(**own)) == UP


def test_withdrawn_keys_are_good_for_a_few_minutes(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = provider.token(**own)
    assert _ask(old) == UP
    provider.keys = [idp.jwk(idp.rsa_key(), "2")]
    monkeypatch.setattr(identity_provider, "FRESH", 0.0)
    monkeypatch.setattr(identity_provider, "PAUSE", 0.0)

    _ask(old)
    _wait_for_fetch(backend)

    assert _ask(old) == BAD


def test_after_an_hour_a_request_waits_for_the_new_keys(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = provider.token(**own)
    assert _ask(old) == UP
    provider.keys = [idp.jwk(idp.rsa_key(), "2")]
    for name in ("FRESH", "OLD", "PAUSE"):
        monkeypatch.setattr(identity_provider, name, 0.0)

    assert _ask(old) == BAD


def test_a_rotated_key_is_fetched_at_its_first_token(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _ask(provider.token(**own)) == UP
    new = idp.rsa_key()
    provider.keys.append(idp.jwk(new, "2"))
    monkeypatch.setattr(identity_provider, "PAUSE", 0.0)

    assert _ask(provider.token("2", new, **own)) == UP
    assert _ask(provider.token("1", **own)) == UP
    assert provider.asked == 2


def test_invented_key_ids_do_not_hammer_the_provider(
    provider: Provider, backend: Any, own: dict[str, Any]
) -> None:
    assert _ask(provider.token(**own)) == UP

    answers = {_ask(provider.token(f"invented-{n}", **own)) for n in range(50)}

    assert answers == {BAD}
    assert provider.asked == 1


def test_invented_key_ids_block_nobody_while_the_provider_hangs(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the one that began the fetch waits: the others would fill all threads."""
    assert _ask(provider.token(**own)) == UP
    provider.behave = provider.hang
    monkeypatch.setattr(identity_provider, "WAIT", 20.0)
    backend._keys._began -= identity_provider.PAUSE
    keys = backend._keys
    waiting = threading.Thread(target=lambda: _outcome(keys, "invented"), daemon=True)
    waiting.start()
    while provider.asked < 2:
        time.sleep(0.001)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda n: _outcome(keys, f"invented-{n}"), range(50)))
    known = _ask(provider.token(**own))

    assert set(outcomes) == {"unavailable"}
    assert known == UP
    assert time.monotonic() - began < 10
    assert waiting.is_alive()
    assert provider.asked == 2


def _outcome(keys: Any, key_id: str) -> str:
    try:
        return "none" if keys.key(key_id) is None else "key"
    except identity_provider.IdentityProviderUnavailable:
        return "unavailable"


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_nobody_waits_long_for_the_first_keys(
    provider: Provider,
    backend: Any,
    own: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    manner: str,
) -> None:
    provider.behave = getattr(provider, manner)
    monkeypatch.setattr(identity_provider, "WAIT", 0.5)
    monkeypatch.setattr(identity_provider, "TIMEOUT", 2.0)
    began = time.monotonic()

    answers = [_ask(provider.token(**own)) for _ in range(3)]

    assert answers == [DOWN] * 3
    assert 0.5 <= time.monotonic() - began < 1.5  # all three together
    _wait_for_fetch(backend)  # it gives up by itself
    assert provider.asked == 1


def test_callers_come_back_when_the_provider_does(
    provider: Provider, backend: Any, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.behave = provider.send(b"", 503)
    assert _ask(provider.token(**own)) == DOWN

    provider.behave = provider.answer
    assert _ask(provider.token(**own)) == DOWN  # it was asked a moment ago
    monkeypatch.setattr(identity_provider, "RETRY", 0.0)

    assert _ask(provider.token(**own)) == UP


def test_schedules_need_no_provider(provider: Provider, backend: Any) -> None:
    provider.behave = provider.send(b"", 503)

    answer = APIClient().get(
        "/api/v1/events/", headers={"Authorization": f"Bearer {provider.token()}"}
    )

    assert (answer.status_code, provider.asked) == (200, 0)


@pytest.mark.real_commits
def test_the_service_takes_its_provider_from_the_environment(
    provider: Provider, household: Household
) -> None:
    environment = {
        "JWT_ALGORITHM": "RS256",
        "JWT_JWKS_URL": provider.url,
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
    }
    with served.serve(**environment) as service:

        def ask(**change: Any) -> int:
            token = provider.token(**{"household_id": household.pk, **change})
            return service.request("GET", PATH, f"Bearer {token}").status

        def judged(**change: Any) -> int:
            """The answer of a worker that has asked the provider since it is back."""
            deadline = time.monotonic() + 30
            while (status := ask(**change)) == 503 and time.monotonic() < deadline:
                time.sleep(0.2)
            return status

        provider.behave = provider.send(b"", 503)
        assert ask() == 503
        provider.behave = provider.answer

        assert [judged(), judged(exp=int(time.time()) - 10)] == [200, 200]
        assert [judged(aud="other"), judged(iss="other"), judged(key_id="2")] == [401] * 3
        assert service.post("/api/v1/auth/token/", "", {"username": "a"}).status == 404
