"""Whatever bytes arrive at an API route: a documented refusal, never a 5xx. By properties."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from freshtrak import rates
from freshtrak.wsgi import application
from tests.support import booking as b
from tests.support import factories, tokens

FIELDS = [
    *("attendees", "event_slot_id", "event_date_id", "event_id", "household_id", "waitlist"),
    *("override_reason", "username", "password", "refresh", "token", "note", "reason"),
]
PARAMETERS = [
    *("page", "page_size", "search", "status", "date_from", "event_id", "open", "when", "format"),
]
TYPES = [
    *("application/json", "application/json; charset=idna", "text/plain", "multipart/form-data"),
    *("application/x-www-form-urlencoded; charset=undefined", "", "\xff", "application/json;;=;"),
]

nasty_text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(["\ud800", "\x00", "a" * 256, "a" * 5_000, "\u202e", "9" * 400, "-0", "1e999"]),
)
nasty_value = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.sampled_from([1, 2**63, -1, 0.5, 10**400]),
        nasty_text,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=6,
)
nasty_json = st.dictionaries(st.sampled_from(FIELDS), nasty_value, max_size=5).map(
    lambda body: json.dumps(body).encode()
)
body = st.one_of(
    st.binary(max_size=64),
    nasty_json,
    st.sampled_from([b"[" * 30_000, b'{"attendees":' + b"[0," * 9_000, b"[" + b"0," * 32_000]),
)
query = st.one_of(
    st.binary(max_size=24).map(quote_from_bytes),
    st.tuples(st.sampled_from(PARAMETERS), st.binary(max_size=12)).map(
        lambda pair: f"{pair[0]}={quote_from_bytes(pair[1])}"
    ),
    st.sampled_from(["page=%ED%A0%80", "search=%00", "search=%ED%A0%80", "page=" + "9" * 400]),
)
header = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20)
headers = st.dictionaries(
    st.sampled_from(
        ["HTTP_IDEMPOTENCY_KEY", "HTTP_ACCEPT", "HTTP_X_REQUEST_ID", "HTTP_IF_NONE_MATCH"]
    ),
    header,
    max_size=2,
)


def _routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from _routes(pattern, route)
        elif route.startswith("api/v1/"):
            yield route


ROUTES = sorted(set(_routes()))

pytestmark = pytest.mark.real_commits  # the end of a request closes connections


def _send(method: str, path: str, query_string: str, content: bytes, extra: Any) -> tuple[int, str]:
    """The status, and the media type, of an answer to exactly these bytes."""
    started: list[tuple[str, Any]] = []
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query_string,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        **extra,
    }
    answer: Any = application(environ, lambda status, sent: started.append((status, sent)))
    list(answer)
    answer.close()
    status, sent = started[0]
    return int(status[:3]), dict(sent).get("Content-Type", "")


def test_every_kind_of_route_is_tried() -> None:
    assert {"api/v1/auth/token/", "api/v1/registrations/", "api/v1/households/me/"} <= set(ROUTES)
    assert len(ROUTES) > 20


@pytest.mark.parametrize("route", ROUTES)
def test_any_bytes_get_a_problem_document_or_an_answer(route: str, household: Any) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    ids = {
        "registration_id": registration.pk,
        "event_slot_id": registration.event_slot_id,
        "event_date_id": registration.event_date_id,
        "event_id": registration.event_id,
    }
    callers = ["", tokens.of_staff(), tokens.of_household(household), "Bearer \xff", "Bearer ..."]

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        method=st.sampled_from(["GET", "POST", "PATCH"]),
        odd_id=st.sampled_from([None, None, "0", "9" * 400, str(2**63), str(2**32)]),
        query_string=query,
        content=body,
        media_type=st.sampled_from(TYPES),
        caller=st.sampled_from(callers),
        extra=headers,
    )
    def send(
        method: str,
        odd_id: str | None,
        query_string: str,
        content: bytes,
        media_type: str,
        caller: str,
        extra: dict[str, str],
    ) -> None:
        rates.counts.clear()
        path = "/" + re.sub(
            r"<(?:\w+:)?(\w+)>", lambda match: odd_id or str(ids.get(match[1], "x")), route
        )
        given_headers = {**extra, "CONTENT_TYPE": media_type}
        if caller:
            given_headers["HTTP_AUTHORIZATION"] = caller

        status, answered_as = _send(method, path, query_string, content, given_headers)

        assert status < 500, (method, path, query_string, content[:200], given_headers)
        assert status < 400 or answered_as == "application/problem+json", (path, status)

    send()
