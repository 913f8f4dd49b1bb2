"""Every error of the API as a problem document (RFC 9457): one handler, one table of codes."""

from http import HTTPStatus
from math import ceil
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from registrations.errors import FieldError, InvalidRequest, RegistrationError

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"

STATUS_OF = {
    "invalid": 400,
    "malformed_json": 400,
    "not_authenticated": 401,
    "token_not_valid": 401,
    "permission_denied": 403,
    "household_not_resolved": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "already_registered": 409,
    "capacity_full": 409,
    "not_published": 409,
    "registration_closed": 409,
    "event_past": 409,
    "reservations_not_accepted": 409,
    "slot_required": 409,
    "invalid_status": 409,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "throttled": 429,
    "server_error": 500,
    "busy": 503,
    "database_unavailable": 503,
}

# What a client meets when it is right to wait, and how long, in seconds.
RETRY_AFTER = {"busy": 1, "database_unavailable": 5}


def document(code: str, detail: str, **members: Any) -> dict[str, Any]:
    """The body: `type`, `title`, `status`, `detail`, `code`, and what the error adds."""
    status = STATUS_OF[code]
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }


def respond(
    code: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    headers = dict(headers or {})
    if code in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[code])
    return Response(
        document(code, detail, **members),
        status=STATUS_OF[code],
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. What is not ours, DRF's or the database's stays an exception (500, logged)."""
    set_rollback()
    if isinstance(error, InvalidRequest):
        return respond(error.code, str(error), errors=[vars(field) for field in error.errors])
    if isinstance(error, RegistrationError):
        return respond(error.code, str(error), **error.extra)
    if isinstance(error, exceptions.ValidationError):
        invalid = InvalidRequest()
        fields = [vars(field) for field in _flatten(error.get_full_details())]
        return respond(invalid.code, str(invalid), errors=fields)
    if isinstance(error, exceptions.APIException):
        return _respond_to_drf(error)
    if isinstance(error, OperationalError | InterfaceError):
        log.error("database_unavailable", exc_info=error)
        return respond(
            "database_unavailable", "A database does not answer. Try again in a few seconds."
        )
    return None


_DRF = {
    exceptions.ParseError: "malformed_json",
    exceptions.AuthenticationFailed: "token_not_valid",
}


def _respond_to_drf(error: exceptions.APIException) -> Response:
    code = next((ours for theirs, ours in _DRF.items() if isinstance(error, theirs)), "")
    code = code or str(error.default_code)
    detail = str(error.detail)
    headers = {}
    if STATUS_OF[code] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    if code == "token_not_valid":  # what is wrong with it helps nobody but a forger
        detail = "The token is not valid or no longer valid. Get a new one."
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return respond(code, detail, headers)


def _flatten(details: Any, path: str = "") -> list[FieldError]:
    """DRF's nested errors as a list with dotted paths: `attendees.0`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [FieldError(path or "body", details["code"], str(details["message"]))]
    if isinstance(details, dict):
        items = [
            ("" if key == "non_field_errors" else key, value) for key, value in details.items()
        ]
    else:
        leaves = all(set(item) == {"message", "code"} for item in details if item)
        items = [("" if leaves else index, value) for index, value in enumerate(details)]
    return [
        found
        for key, value in items
        for found in _flatten(value, ".".join(part for part in (path, str(key)) if part))
    ]


class NothingHere(APIView):
    """Any other address under the API: a 404 that says so, also with DEBUG."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("Nothing answers at this address. Mind the slash at its end.")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's 404 for addresses that nothing answers at."""
    return _plain("not_found", "Nothing answers at this address.")


def server_error(request: HttpRequest) -> JsonResponse:
    return _plain("server_error", "Something went wrong here. It has been logged.")


def _plain(code: str, detail: str) -> JsonResponse:
    return JsonResponse(document(code, detail), status=STATUS_OF[code], content_type=CONTENT_TYPE)
