"""The same `Idempotency-Key` gives the same answer and one effect.

The answer is written in the private transaction of its effect, so neither exists without the
other; a unique digest of caller and key gives the key to one request only. A request looks for an
earlier answer only when something stands in its way: the unique digest, or a refusal (the
household is already registered, by the very request whose answer got lost).
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from freshtrak.api.authentication import caller_of
from freshtrak.databases import PRIVATE, insert
from registrations.errors import (
    FieldError,
    IdempotencyKeyReused,
    InvalidRequest,
    RegistrationError,
)
from registrations.models import IdempotencyRecord
from registrations.queries.details import BeforeCommit, RegistrationDetails

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class _AnsweredBefore(Exception):
    """Another request has this key; what this one was about to write is rolled back."""


_REPLAYABLE = (
    RegistrationError,
    exceptions.APIException,
    DatabaseError,  # with public down, an answer given before can still be given again
    InterfaceError,
    _AnsweredBefore,
)


def idempotent(
    request: Request,
    *,
    status: int,
    perform: Callable[[BeforeCommit], object],
    render: Callable[[RegistrationDetails], dict[str, Any]],
) -> Response:
    """Performs the request, or repeats the answer that its key got before.

    `perform` passes what it gets on to the service as `before_commit`; `render` makes the body, of
    JSON's own types, so that the first answer and a repeated one cannot differ.
    Refusals and failures are not stored: the same key may try again.
    """
    key = _parse_key(request)
    digest = _digest(request, key) if key is not None else None
    fingerprint = _fingerprint(request) if digest else ""
    body: dict[str, Any] = {}

    def store(details: RegistrationDetails) -> None:
        body.update(render(details))
        if digest is not None:
            _store(digest, fingerprint, status, body)

    while True:
        try:
            perform(store)
            return Response(body, status=status)
        except _REPLAYABLE as obstacle:
            if digest is None:
                raise
            if record := _find(digest):
                return _replay(record, fingerprint)
            if not isinstance(obstacle, _AnsweredBefore):
                raise
        _forget_expired(digest)


def _store(digest: str, fingerprint: str, status: int, body: dict[str, Any]) -> None:
    try:
        insert(
            PRIVATE,
            "idempotency_records",
            digest=digest,
            fingerprint=fingerprint,
            status=status,
            body=body,
            created_at=timezone.now(),
        )
    except IntegrityError as error:
        raise _AnsweredBefore from error


def _replay(record: IdempotencyRecord, fingerprint: str) -> Response:
    if record.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return Response(record.body, status=record.status, headers={"Idempotency-Replayed": "true"})


def _oldest_kept() -> datetime:
    return timezone.now() - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)


def _find(digest: str) -> IdempotencyRecord | None:
    return IdempotencyRecord.objects.filter(pk=digest, created_at__gte=_oldest_kept()).first()


def _forget_expired(digest: str) -> None:
    IdempotencyRecord.objects.filter(pk=digest, created_at__lt=_oldest_kept()).delete()


def _parse_key(request: Request) -> str | None:
    """The header's value, without the quotes of a structured-field string."""
    value = request.headers.get("Idempotency-Key")
    if value is None:
        return None
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not _KEY.fullmatch(value):
        detail = "Send 1 to 255 printable ASCII characters, or no key at all."
        raise InvalidRequest(FieldError("Idempotency-Key", "invalid", detail))
    return value


def _digest(request: Request, key: str) -> str:
    """Of the key within its scope: callers cannot read each other's answers."""
    caller = caller_of(request)
    actor = caller.actor(request)
    scope = f"{caller.issuer}|{actor.kind}|{actor.id}|{caller.claimed_household_id}"
    return hashlib.sha256(f"{scope}\0{key}".encode()).hexdigest()


def _fingerprint(request: Request) -> str:
    body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(f"{request.method} {request.path}\0".encode() + body).hexdigest()
