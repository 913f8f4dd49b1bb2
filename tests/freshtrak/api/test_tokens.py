from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from freshtrak.rates import Rate

API = "/api/v1/auth/token/"


@pytest.fixture
def account() -> Any:
    return get_user_model().objects.create_user("desk", password="correct horse", is_staff=True)


def _log_in(client: APIClient, password: str, username: str = "desk") -> Any:
    return client.post(API, {"username": username, "password": password})


def test_log_in_refresh_and_verify(client: APIClient, account: Any) -> None:
    tokens = _log_in(client, "correct horse").json()
    access = client.post(f"{API}refresh/", {"refresh": tokens["refresh"]}).json()["access"]

    assert client.post(f"{API}verify/", {"token": access}).status_code == 200
    headers = {"Authorization": f"Bearer {access}"}
    assert client.get("/api/v1/registrations/", headers=headers).json()["count"] == 0
    assert client.get("/api/v1/check-ins/", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["refresh/", "verify/"])
def test_refresh_and_verify_refuse_a_malformed_token(client: APIClient, path: str) -> None:
    response = client.post(f"{API}{path}", {"refresh": "x", "token": "x"})

    assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")


def test_wrong_password_is_refused(client: APIClient, account: Any) -> None:
    response = _log_in(client, "wrong")

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_repeated_failures_lock_and_say_for_how_long(client: APIClient, account: Any) -> None:
    statuses = [_log_in(client, "wrong").status_code for _ in range(6)]
    locked = _log_in(client, "correct horse")
    other_user = _log_in(client, "x", username="other")

    assert statuses == [401, 401, 401, 401, 429, 429]
    assert (locked.status_code, locked.json()["code"]) == (429, "throttled")
    assert locked["Retry-After"] == "900"
    assert other_user.status_code == 401


def test_lock_behind_a_proxy_is_for_one_address(
    client: APIClient, account: Any, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}

    client.credentials(HTTP_X_FORWARDED_FOR="10.0.0.1")
    attacker = [_log_in(client, "wrong").status_code for _ in range(6)]
    client.credentials(HTTP_X_FORWARDED_FOR="10.0.0.2")
    owner = _log_in(client, "correct horse")

    assert attacker[-1] == 429
    assert owner.status_code == 200


def test_log_ins_are_throttled_whatever_the_forwarded_address(
    client: APIClient, settings: Any
) -> None:
    settings.RATES = {**settings.RATES, "log_in": Rate(2, 60)}

    answers = [client.post(API, {}, headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[2]["Retry-After"]) > 0


def test_log_in_does_not_exist_with_an_identity_provider(client: APIClient, settings: Any) -> None:
    settings.JWT_SIGNING_KEY = ""

    assert _log_in(client, "x").status_code == 404


@pytest.mark.parametrize("body", [[], "text", 7, None, {"username": {}, "password": []}])
def test_log_in_with_malformed_credentials(client: APIClient, body: Any) -> None:
    assert client.post(API, body).status_code == 400
