import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from jwt.algorithms import RSAAlgorithm
from rest_framework.test import APIClient
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from freshtrak.api import authentication
from registrations.models import Household
from tests.support import tokens

PATH = "/api/v1/registrations/"


def _answer(client: APIClient, authorization: str | None) -> tuple[int, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = client.get(PATH, headers=headers)
    return response.status_code, response.json().get("code", "")


def _unsigned(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def test_missing_token_is_refused(client: APIClient) -> None:
    assert _answer(client, None) == (401, "not_authenticated")
    assert client.get(PATH)["WWW-Authenticate"] == 'Bearer realm="api"'


def test_invalid_tokens_are_refused(client: APIClient, household: Household) -> None:
    claims = {"sub": "7", "household_id": household.pk, "exp": int(time.time()) + 600}
    other_key = jwt.encode(claims, "another-key-of-some-length-for-the-test", algorithm="HS256")
    other_algorithm = jwt.encode(claims, settings.JWT_SIGNING_KEY, algorithm="HS384")
    without_expiry = jwt.encode({"sub": "7"}, settings.JWT_SIGNING_KEY, algorithm="HS256")
    refresh = RefreshToken()
    refresh["household_id"] = household.pk
    bad = [
        tokens.token(sub="7", household_id=household.pk, exp=int(time.time()) - 1),
        other_key,
        other_algorithm,
        without_expiry,
        _unsigned(claims),
        str(refresh),
        "not.a.token",
        "x",
    ]

    answers = {_answer(client, f"Bearer {token}") for token in bad}

    assert answers == {(401, "token_not_valid")}


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff"])
def test_headers_without_a_token_are_refused(client: APIClient, header: str) -> None:
    assert _answer(client, header)[0] == 401


def test_token_from_simplejwt(client: APIClient, household: Household) -> None:
    token = AccessToken()
    token["user_id"] = "7"
    token["household_id"] = household.pk

    assert _answer(client, f"Bearer {token}")[0] == 200


def test_token_without_simplejwts_own_claims(client: APIClient, household: Household) -> None:
    assert _answer(client, tokens.bearer(sub="a-b", household_id=str(household.pk)))[0] == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["staff"]},
        {"groups": ["Everybody", "admin"]},
        {"cognito:groups": ["staff"]},
        {"roles": "user, staff"},
    ],
)
def test_roles_that_make_staff(client: APIClient, claims: dict[str, Any]) -> None:
    assert _answer(client, tokens.bearer(sub="9", **claims))[0] == 200


@pytest.mark.parametrize(
    "claims",
    [
        *({"roles": ["staffer"]}, {"roles": 7}, {"roles": [["staff"]]}, {"roles": "not staff"}),
        *({"groups": ["Staff"]}, {"roles": ["no staff", "ADMIN"]}),
    ],
)
def test_roles_that_do_not_make_staff(client: APIClient, claims: dict[str, Any]) -> None:
    assert _answer(client, tokens.bearer(sub="9", **claims)) == (403, "household_not_resolved")


def _rs256() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@contextmanager
def _serving(body: bytes) -> Iterator[str]:
    """An identity provider's key set, over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("keys_by", ["JWT_VERIFYING_KEY", "JWT_JWKS_URL"])
def test_tokens_from_an_identity_provider(
    client: APIClient, household: Household, monkeypatch: pytest.MonkeyPatch, keys_by: str
) -> None:
    """RS256, with issuer and audience; only the provider's key counts."""
    key = _rs256()
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    jwk = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "1", "use": "sig"}

    def answer(signed_by: Any = key, algorithm: str = "RS256", **change: Any) -> int:
        claims = {
            "sub": "u",
            "household_id": household.pk,
            "iss": "https://idp.example",
            "aud": "freshtrak",
            "exp": int(time.time()) + 60,
            "token_use": "access",
            **change,
        }
        token = jwt.encode(claims, signed_by, algorithm, headers={"kid": "1"})
        return _answer(client, f"Bearer {token}")[0]

    with _serving(json.dumps({"keys": [jwk]}).encode()) as url:
        backend = TokenBackend(
            "RS256",
            verifying_key=pem.decode() if keys_by == "JWT_VERIFYING_KEY" else "",
            jwk_url=url if keys_by == "JWT_JWKS_URL" else None,
            issuer="https://idp.example",
            audience="freshtrak",
        )
        monkeypatch.setattr(authentication.CallerToken, "_token_backend", backend)

        assert answer() == 200
        assert answer(iss="https://other.example") == 401
        assert answer(aud="somebody-else") == 401
        assert answer(token_use="refresh") == 401
        assert answer(signed_by=_rs256()) == 401
        assert answer(signed_by=settings.JWT_SIGNING_KEY, algorithm="HS256") == 401
