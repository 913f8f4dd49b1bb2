import os
import re
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

GOOD = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "JWT_SIGNING_KEY": "j" * 32,
    "PRIVATE_DATABASE_URL": "mysql://u:p@127.0.0.1:1/freshtrak_private",
    "PUBLIC_DATABASE_URL": "mysql://u:p@127.0.0.1:1/freshtrak_public",
}
PROVIDER = {
    "JWT_ALGORITHM": "RS256",
    "JWT_JWKS_URL": "https://idp.example/k",
    "JWT_ISSUER": "https://idp.example",
    "JWT_AUDIENCE": "freshtrak",
}


def _start(
    *options: str, command: Sequence[str] = ("check",), **environment: str
) -> "subprocess.CompletedProcess[str]":
    """`manage.py` with this command in a process with this environment only."""
    return _run("manage.py", *command, *options, **environment)


def _run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
        timeout=60,
    )


def _problems(**changed: str) -> list[str]:
    """What the settings say of an environment that differs from a good one by this."""
    started = _run("-c", READ, **{**GOOD, **changed})
    assert "Traceback" not in started.stderr
    return started.stderr.splitlines()[1:-1]


READ = "from freshtrak.environment import require_settings; require_settings()"
HOW = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))' prints one"


@pytest.mark.one_engine
def test_everything_that_is_missing_is_named_at_once() -> None:
    started = _start()

    assert started.returncode == 1
    assert started.stderr.splitlines() == [
        "Cannot start: the settings are wrong.",
        f"  SECRET_KEY is not set: set a random secret of 32 bytes or more; {HOW}.",
        f"  JWT_SIGNING_KEY is not set: set a random secret of 32 bytes or more; {HOW}.",
        "  PRIVATE_DATABASE_URL is not set: write mysql://user:password@host:3306/name.",
        "  PUBLIC_DATABASE_URL is not set: write mysql://user:password@host:3306/name.",
        ".env.example explains each. DEBUG=true, for a trial on your own machine, needs none.",
    ]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "server", [("freshtrak.serve",), ("gunicorn", "freshtrak.wsgi:application")]
)
def test_servers_end_with_the_message_and_no_traceback(server: tuple[str, ...]) -> None:
    started = _run("-m", *server, "--bind", "127.0.0.1:0", **{**GOOD, "TIME_ZONE": "Mars"})

    assert started.returncode == 1
    assert "TIME_ZONE is 'Mars': set the name of a time zone" in started.stderr
    assert "Traceback" not in started.stderr


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SECRET_KEY", "s", "SECRET_KEY has 1 of the 32 bytes it needs"),
        ("JWT_SIGNING_KEY", "j" * 31, "JWT_SIGNING_KEY has 31 of the 32 bytes it needs"),
        ("SECRET_KEY", "django-insecure-" + "x" * 40, "is an example that everybody knows"),
        (
            "JWT_SIGNING_KEY",
            "only-for-trying-out-on-your-own-machine:JWT_SIGNING_KEY",
            "is an example that everybody knows",
        ),
        ("PRIVATE_DATABASE_URL", "", "PRIVATE_DATABASE_URL is not set: write mysql://"),
        ("PRIVATE_DATABASE_URL", "mysq://u:p@h/d", "it must begin with mysql://"),
        ("PRIVATE_DATABASE_URL", "mysql:/u:p@h/d", "it must begin with mysql://"),
        ("PRIVATE_DATABASE_URL", "mysql://u:p@h:x/d", "its host or port cannot be read"),
        ("PRIVATE_DATABASE_URL", "mysql://u:p/w@h/d", "its host or port cannot be read"),
        ("PRIVATE_DATABASE_URL", "mysql://u:p#w@h/d", "its host or port cannot be read"),
        ("PRIVATE_DATABASE_URL", "mysql://u:p@[::1/d", "its host or port cannot be read"),
        ("PRIVATE_DATABASE_URL", "mysql://u:p@h", "it does not end in /name"),
        ("PRIVATE_DATABASE_URL", "mysql:///d", "it has no host"),
        ("PUBLIC_DATABASE_URL", "sqlite://d", "three slashes; four begin an absolute path"),
        ("PUBLIC_READ_URL", "here", "PUBLIC_READ_URL cannot be used: it must begin with mysql://"),
        (
            "PUBLIC_DATABASE_URL",
            "mysql://other:p@127.0.0.1:1/freshtrak_private",
            "names the same database as PRIVATE_DATABASE_URL",
        ),
        ("NUM_PROXIES", "two", "NUM_PROXIES is 'two': set a whole number from 0"),
        ("NUM_PROXIES", "-1", "NUM_PROXIES is '-1': set a whole number from 0"),
        ("DATABASE_LOCK_WAIT", "0", "DATABASE_LOCK_WAIT is '0': set a whole number from 1"),
        ("DATABASE_LOCK_WAIT", "3.5", "DATABASE_LOCK_WAIT is '3.5': set a whole number"),
        ("DATABASE_IDLE_TIMEOUT", "9" * 30, "set a whole number from 1 to 1000000000"),
        ("IDEMPOTENCY_KEY_HOURS", "0", "IDEMPOTENCY_KEY_HOURS is '0': set a whole number from 1"),
        ("HTTPS_ONLY", "ture", "HTTPS_ONLY is 'ture': set true or false"),
        ("TIME_ZONE", "../etc/passwd", "TIME_ZONE is '../etc/passwd': set the name of a time zone"),
        ("TIME_ZONE", "America", "TIME_ZONE is 'America': set the name of a time zone"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT is 'xml': choose json or console"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud': choose DEBUG, INFO"),
        ("STATUS_ALIASES", "Registered", "STATUS_ALIASES is 'Registered': write name=meaning"),
        ("ALLOWED_HOSTS", "https://book.example.org", "write host names without scheme or port"),
        ("CORS_ALLOWED_ORIGINS", "book.example.org", "write origins without a path"),
        ("JWT_ALGORITHM", "none", "JWT_ALGORITHM is 'none': choose HS256, HS384"),
        ("JWT_ALGORITHM", "HS512", "JWT_SIGNING_KEY has 32 of the 64 bytes it needs"),
        ("JWT_ALGORITHM", "RS256", "needs JWT_JWKS_URL or JWT_VERIFYING_KEY"),
        ("JWT_JWKS_URL", "https://idp.example/k", "JWT_ALGORITHM=HS256 uses none"),
    ],
)
def test_one_wrong_variable_is_named_with_what_is_accepted(
    name: str, value: str, problem: str
) -> None:
    (line,) = _problems(**{name: value})

    assert problem in line


@pytest.mark.one_engine
def test_the_message_holds_no_secret() -> None:
    names = ("SECRET_KEY", "JWT_SIGNING_KEY", "PRIVATE_DATABASE_URL", "PUBLIC_DATABASE_URL")

    lines = _problems(**dict.fromkeys(names, "mysql://ann:hush@h:x/d"), JWT_ALGORITHM="HS512")

    assert len(lines) == 4
    assert "hush" not in str(lines)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"JWT_ISSUER": ""}, "JWT_ISSUER is not set: JWT_JWKS_URL needs it"),
        ({"JWT_AUDIENCE": ""}, "JWT_AUDIENCE is not set: JWT_JWKS_URL needs it"),
        ({"JWT_JWKS_URL": "file:///etc/passwd"}, "set a URL such as https://"),
        ({"JWT_JWKS_URL": "https://["}, "set a URL such as https://"),
        ({"JWT_LEEWAY": "3600"}, "JWT_LEEWAY is '3600': set a whole number from 0 to 300"),
        ({"JWT_VERIFYING_KEY": "x"}, "JWT_VERIFYING_KEY cannot be used: set a PEM key for RS256"),
    ],
)
def test_a_weak_identity_provider_is_refused(changed: dict[str, str], problem: str) -> None:
    (line,) = _problems(**{**PROVIDER, **changed})

    assert problem in line


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "environment",
    [
        {"DEBUG": "true"},
        {"DEBUG": "true", "JWT_SIGNING_KEY": "j", "LOG_LEVEL": "info", "NUM_PROXIES": ""},
        GOOD,
        {**GOOD, **PROVIDER, "JWT_SIGNING_KEY": ""},
        {**GOOD, "PUBLIC_DATABASE_URL": "mysql://a:b%2Fc@[::1]/freshtrak_private?charset=utf8mb4"},
        {**GOOD, "PUBLIC_DATABASE_URL": "mysql://root@localhost/d?unix_socket=/run/s.sock"},
        {**GOOD, "PRIVATE_DATABASE_URL": "sqlite:////tmp/a", "PUBLIC_DATABASE_URL": "sqlite:///a"},
        {**GOOD, "ALLOWED_HOSTS": "*, .example.org,[::1]", "CORS_ALLOWED_ORIGINS": "http://a:1"},
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
    behind_proxy = {"HTTPS_ONLY": "true", "NUM_PROXIES": "1", "ALLOWED_HOSTS": "book.example.org"}

    started = _start("--deploy", "--fail-level=WARNING", **{**GOOD, **behind_proxy})

    assert (started.returncode, started.stderr) == (0, "")


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("chosen", "subdomains", "preload"),
    [("", False, False), ("subdomains", True, False), ("preload", True, True)],
)
def test_the_operator_chooses_how_far_hsts_binds(
    chosen: str, subdomains: bool, preload: bool
) -> None:
    names = "SECURE_HSTS_SECONDS, SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD"
    show = f"from freshtrak.settings import *; print({names})"

    shown = _run("-c", show, **{**GOOD, "HTTPS_ONLY": "true", "HSTS": chosen})

    assert shown.stdout.split() == ["31536000", str(subdomains), str(preload)]


@pytest.mark.one_engine
@pytest.mark.parametrize("alias", [PRIVATE, PUBLIC])
def test_check_of_a_server_that_is_down_says_so_in_one_line(alias: str) -> None:
    started = _start("--database", alias, **GOOD)

    assert started.returncode == 3
    assert started.stderr.startswith("CommandError: A database does not answer: (2002, ")
    assert len(started.stderr.splitlines()) == 1


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
    source += (settings.BASE_DIR / "freshtrak" / "token_settings.py").read_text()

    used = set(re.findall(r'(?:\benv\.\w+|_database|secret)\(\s*(?:env, )?"([A-Z_]+)"', source))

    assert {"SECRET_KEY", "JWT_ALGORITHM", "ALLOWED_HOSTS", "PUBLIC_DATABASE_URL"} <= used
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
