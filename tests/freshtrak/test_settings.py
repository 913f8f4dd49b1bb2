import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from rest_framework.test import APIClient

from freshtrak.databases import PRIVATE, PUBLIC


def _start(
    *options: str, command: Sequence[str] = ("check",), **environment: str
) -> "subprocess.CompletedProcess[str]":
    """`manage.py` with this command in a process with this environment only."""
    return subprocess.run(
        [sys.executable, "manage.py", *command, *options],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
    )


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Set SECRET_KEY and JWT_SIGNING_KEY"),
        ({"SECRET_KEY": "s"}, "Set JWT_SIGNING_KEY"),
        ({"JWT_SIGNING_KEY": "s"}, "Set SECRET_KEY"),
        ({"SECRET_KEY": "s", "JWT_ALGORITHM": "RS256"}, "JWT_JWKS_URL or JWT_VERIFYING_KEY"),
        ({"DEBUG": "true", "LOG_FORMAT": "xml"}, "choose json or console"),
    ],
)
def test_start_fails_and_names_what_is_missing(environment: dict[str, str], message: str) -> None:
    started = _start(**environment)

    assert started.returncode != 0
    assert message in started.stderr


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "environment",
    [
        {"DEBUG": "true"},
        {"SECRET_KEY": "s", "JWT_SIGNING_KEY": "j"},
        {"SECRET_KEY": "s", "JWT_ALGORITHM": "RS256", "JWT_JWKS_URL": "https://idp.example/k"},
    ],
)
def test_start_succeeds_with_what_it_needs(environment: dict[str, str]) -> None:
    assert _start(**environment).returncode == 0


@pytest.mark.one_engine
@pytest.mark.parametrize("command", [("migrate",), ("makemigrations", "--check")])
def test_a_replica_that_does_not_answer_stops_no_start(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    environment = {
        "DEBUG": "true",
        "PRIVATE_DATABASE_URL": f"sqlite:///{tmp_path}/private.sqlite3",
        "PUBLIC_READ_URL": "mysql://reader:reader@127.0.0.1:1/freshtrak_public",
    }

    started = _start(command=command, **environment)

    assert (started.returncode, started.stderr) == (0, "")


@pytest.mark.one_engine
def test_check_deploy_is_silent_behind_a_tls_proxy() -> None:
    environment = {
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "JWT_SIGNING_KEY": "j",
        "HTTPS_ONLY": "true",
        "ALLOWED_HOSTS": "book.example.org",
    }

    started = _start("--deploy", "--fail-level=WARNING", **environment)

    assert (started.returncode, started.stderr) == (0, "")


def test_pages_of_other_origins_can_book_if_they_are_listed(
    client: APIClient, settings: Any
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://book.example.org"]

    def preflight(origin: str) -> Any:
        return client.options(
            "/api/v1/registrations/",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,idempotency-key,x-request-id",
            },
        )

    allowed, other = preflight("https://book.example.org"), preflight("https://evil.example")
    answer = client.get("/api/v1/events/", headers={"Origin": "https://book.example.org"})

    assert allowed["Access-Control-Allow-Origin"] == "https://book.example.org"
    assert "idempotency-key" in allowed["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in other
    assert "idempotency-replayed" in answer["Access-Control-Expose-Headers"]


def test_env_example_lists_every_variable() -> None:
    listed = (settings.BASE_DIR / ".env.example").read_text()
    source = (settings.BASE_DIR / "freshtrak" / "settings.py").read_text()

    used = {
        part.split('"')[1]
        for call in (
            "env.str(",
            "env.bool(",
            "env.int(",
            "env.list(",
            "env.dict(",
            "_database(",
            "_secrets(",
        )
        for part in source.split(call)[1:]
        if part.startswith('"')
    }

    assert used - {"SECRET_KEY"} != set()
    assert [name for name in sorted(used) if f"{name}=" not in listed] == []


@pytest.mark.mariadb
def test_sessions_read_committed_and_wait_briefly_for_locks() -> None:
    for alias in (PRIVATE, PUBLIC):
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SHOW VARIABLES WHERE variable_name IN ('tx_isolation', 'transaction_isolation')"
            )
            assert {value for _, value in cursor.fetchall()} == {"READ-COMMITTED"}
            cursor.execute("SELECT @@innodb_lock_wait_timeout")
            assert cursor.fetchone() == (3,)
