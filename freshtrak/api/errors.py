"""Turns every API error into a problem document (RFC 9457): one handler, one table of codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from prometheus_client import Counter
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from freshtrak.api.identity_provider import IdentityProviderUnavailable
from freshtrak.databases import drop_unusable_connections
from freshtrak.metrics import DATABASE_ERRORS
from registrations import errors
from registrations.errors import FieldError, InvalidRequest, RegistrationError

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
DOCUMENTATION = "/api/errors/"

MAX_FIELD_ERRORS = 20
"""As many are listed: enough to correct a form by."""

REFUSALS = Counter("freshtrak_refusals_total", "Requests that were refused, by code.", ["code"])


@dataclass(frozen=True)
class Code:
    status: int
    meaning: str
    advice: str
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""


_CONFLICTS: tuple[type[RegistrationError], ...] = (
    errors.AlreadyRegistered,
    errors.CapacityFull,
    errors.NotFirstInQueue,
    *errors.NOT_BOOKABLE.values(),
    errors.SlotRequired,
    errors.AlreadyCheckedIn,
    errors.NotToday,
    errors.InvalidStatus,
)
_STATUSES: dict[type[RegistrationError], int] = {
    errors.InvalidRequest: 400,
    errors.HouseholdNotResolved: 403,
    errors.NotFound: 404,
    **dict.fromkeys(_CONFLICTS, 409),
    errors.IdempotencyKeyReused: 422,
    errors.DayUnknown: 503,
    errors.Busy: 503,
}
"""The HTTP status of each refusal by a service. The refusal itself has the text and advice."""

CODES = {
    "malformed_json": Code(400, "The body is not valid JSON.", "Send a JSON object in UTF-8."),
    "not_authenticated": Code(401, "The request has no token.", "Send Authorization: Bearer …."),
    "token_not_valid": Code(401, "The token is wrong or has expired.", "Get a new one."),
    "invalid_credentials": Code(
        401, "Wrong username or password.", "Ask the person to type them again."
    ),
    "permission_denied": Code(
        403, "You don't have permission to do this.", "Ask somebody who does."
    ),
    "method_not_allowed": Code(405, "This address does not support that method.", "See Allow."),
    "not_acceptable": Code(406, "The response is not available in that format.", "Correct Accept."),
    "request_too_large": Code(413, "The request is larger than 64 KiB.", "Send less."),
    "unsupported_media_type": Code(415, "The body is not JSON.", "Send application/json."),
    "throttled": Code(429, "Too many requests or failed log-ins.", "Wait for Retry-After."),
    "server_error": Code(500, "Something went wrong here.", "Tell us the X-Request-ID."),
    "database_unavailable": Code(
        503,
        "A database does not answer. Try again in a few seconds.",
        "Send the same request with the same key after Retry-After.",
        retry_after=5,
    ),
    "identity_provider_unavailable": Code(
        503,
        IdentityProviderUnavailable.default_detail,
        "Send the same request with the same key after Retry-After; log nobody out.",
        retry_after=5,
    ),
    "service_unavailable": Code(  # from the proxy: ops/nginx/freshtrak.conf
        503,
        "The service does not answer. Try again in a few seconds.",
        "Send the same request with the same key after Retry-After.",
        retry_after=5,
    ),
    **{
        refusal.code: Code(status, refusal.message, refusal.advice, refusal.retry_after)
        for refusal, status in _STATUSES.items()
    },
}
CODES = dict(sorted(CODES.items(), key=lambda item: item[1].status))


def _code(name: str, status: int) -> Code:
    """The table's entry; for a library's code that is not in it, one made from the status."""
    unknown = Code(status, HTTPStatus(status).phrase, "See detail.")
    return CODES.get(name, unknown)


def document(
    code: str, detail: str, status: int | None = None, **members: object
) -> dict[str, object]:
    """The body: `type`, `title`, `status`, `detail`, `code`, and members the error adds."""
    status = status or CODES[code].status
    return {
        "type": f"{DOCUMENTATION}#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }


def respond(
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    status: int = 500,
    **members: object,
) -> Response:
    """The response with this code; `status` is used only if the table does not have the code."""
    REFUSALS.labels(code).inc()
    entry = _code(code, status)
    headers = dict(headers or {})
    if entry.retry_after:
        headers["Retry-After"] = str(entry.retry_after)
    return Response(
        document(code, detail, entry.status, **members),
        status=entry.status,
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def exception_handler(error: Exception, context: Mapping[str, object]) -> Response | None:
    """DRF's hook. An error that is not ours, DRF's or a database's becomes a logged 500."""
    set_rollback()
    if isinstance(error, InvalidRequest):
        return _respond_to_fields(str(error), error.errors)
    if isinstance(error, RegistrationError):
        return respond(error.code, str(error), **error.extra)
    if isinstance(error, exceptions.ValidationError):
        return _respond_to_fields(InvalidRequest.message, _flatten(error.get_full_details()))
    if isinstance(error, exceptions.APIException):
        return _respond_to_drf(error)
    if isinstance(error, SuspiciousOperation):
        return respond("invalid", SUSPICIOUS)
    if isinstance(error, OperationalError | InterfaceError):
        DATABASE_ERRORS.inc()
        drop_unusable_connections(error)
        log.error("database_unavailable", exc_info=error)
        return respond("database_unavailable", CODES["database_unavailable"].meaning)
    return None


SUSPICIOUS = "The request cannot be read: it is too large or meant for another host."


class InvalidCredentials(exceptions.AuthenticationFailed):
    """Raised when somebody logs in with a wrong name or password."""

    default_code = "invalid_credentials"
    default_detail = CODES[default_code].meaning


def _respond_to_fields(detail: str, fields: Sequence[FieldError]) -> Response:
    """Lists the first MAX_FIELD_ERRORS; `detail` says how many there are."""
    if len(fields) > MAX_FIELD_ERRORS:
        detail = f"{detail} These are the first {MAX_FIELD_ERRORS} of {len(fields)} errors."
    listed = [vars(field) for field in fields[:MAX_FIELD_ERRORS]]
    return respond(InvalidRequest.code, detail, errors=listed)


def _respond_to_drf(error: exceptions.APIException) -> Response:
    code, detail = str(error.default_code), str(error.detail)
    headers = {}
    if isinstance(error, exceptions.ParseError):
        code = "malformed_json"
    elif isinstance(error, exceptions.AuthenticationFailed) and code not in CODES:
        code = "token_not_valid"
    if code == "token_not_valid":  # details would help only a forger
        detail = "The token is wrong or has expired. Get a new one."
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return respond(code, detail, headers=headers, status=error.status_code)


def _flatten(details: object, path: str = "") -> list[FieldError]:
    """DRF's nested errors as a flat list with dotted paths: `attendees.0`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [FieldError(path or "body", details["code"], str(details["message"]))]
    if isinstance(details, dict):
        items = [
            ("" if key == "non_field_errors" else key, value) for key, value in details.items()
        ]
    else:
        assert isinstance(details, list)
        leaves = all(set(item) == {"message", "code"} for item in details if item)
        items = [("" if leaves else index, value) for index, value in enumerate(details)]
    return [
        error
        for key, value in items
        for error in _flatten(value, ".".join(part for part in (path, str(key)) if part))
    ]


class NothingHere(APIView):
    """Every other address under the API: a 404 that explains itself, also with DEBUG."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise exceptions.NotFound("No such address. Check the slash at the end.")


def documentation(request: HttpRequest) -> HttpResponse:
    """The page that the `type` of a problem document links to."""
    return render(request, "freshtrak/errors.html", {"codes": CODES})


def refuse(code: str, detail: str) -> JsonResponse:
    """A problem document outside DRF."""
    return JsonResponse(
        document(code, detail), status=CODES[code].status, content_type=CONTENT_TYPE
    )
