"""The same `Idempotency-Key` gives the same answer and one effect.

The answer is written in the private transaction of the effect, so that neither exists without
the other; a unique digest of caller and key lets only one request have it. A request looks for
an earlier answer only when something stands in its way: the unique digest, or a refusal (the
household is registered already, by the very request whose answer got lost).
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from registrations.api.callers import Caller, caller_of
from registrations.errors import FieldError, InvalidRequest, RegistrationError
from registrations.models import IdempotencyRecord
from registrations.queries.details import BeforeCommit, RegistrationDetails

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class IdempotencyKeyReused(RegistrationError):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Use a new one."


class _AnsweredBefore(Exception):
    """Another request has this key; what this one was about to write is rolled back."""


_OBSTACLES = (
    RegistrationError,
    exceptions.APIException,
    DatabaseError,  # with public down, an answer given before can still be given again
    InterfaceError,
    _AnsweredBefore,
)


def answer_once(
    request: Request,
    *,
    status: int,
    perform: Callable[[BeforeCommit], Any],
    render: Callable[[RegistrationDetails], dict[str, Any]],
) -> Response:
    """Performs the request, or gives the answer that its key has had before.

    `perform` is to pass what it gets on to the service as `before_commit`; `render` makes the body.
    Refusals and failures are not stored: the same key may try again.
    """
    key = _parse_key(request)
    if key is None:
        return _answer(perform, render, status)
    digest = _digest(caller_of(request), key)
    fingerprint = _fingerprint(request)
    while True:
        try:
            return _answer(perform, render, status, digest=digest, fingerprint=fingerprint)
        except _OBSTACLES as obstacle:
            record = _find(digest)
            if record is not None:
                return _replay(record, fingerprint)
            if not isinstance(obstacle, _AnsweredBefore):
                raise
        _forget_expired(digest)


def _answer(
    perform: Callable[[BeforeCommit], Any],
    render: Callable[[RegistrationDetails], dict[str, Any]],
    status: int,
    *,
    digest: str | None = None,
    fingerprint: str = "",
) -> Response:
    body: dict[str, Any] = {}

    def before_commit(details: RegistrationDetails) -> None:
        # Through JSON, so that the first answer and a repeated one cannot differ.
        body.update(json.loads(json.dumps(render(details), cls=JSONEncoder)))
        if digest is None:
            return
        try:
            IdempotencyRecord(
                digest=digest,
                fingerprint=fingerprint,
                status=status,
                body=body,
                created_at=timezone.now(),
            ).save()
        except IntegrityError as error:
            raise _AnsweredBefore from error

    perform(before_commit)
    return Response(body, status=status)


def _replay(record: IdempotencyRecord, fingerprint: str) -> Response:
    if record.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return Response(record.body, status=record.status, headers={"Idempotency-Replayed": "true"})


def _oldest_kept() -> Any:
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
        raise InvalidRequest(
            FieldError(
                "Idempotency-Key", "invalid", "Send 1 to 255 printable ASCII characters, or none."
            )
        )
    return value


def _digest(caller: Caller, key: str) -> str:
    return hashlib.sha256(f"{caller.key_space}\0{key}".encode()).hexdigest()


def _fingerprint(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True)
    return hashlib.sha256(f"{request.method} {request.path}\0{body}".encode()).hexdigest()
