"""Every error of the API as a problem document (RFC 9457): one handler, one table of codes."""

from http import HTTPStatus
from math import ceil
from typing import Any

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

from freshtrak.api.codes import CODES
from freshtrak.databases import drop_unusable_connections
from freshtrak.metrics import DATABASE_ERRORS
from registrations.errors import FieldError, InvalidRequest, RegistrationError

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"

DOCUMENTATION = "/api/errors/"


REFUSALS = Counter("freshtrak_refusals_total", "Requests that were refused, by code.", ["code"])


def document(code: str, detail: str, **members: Any) -> dict[str, Any]:
    """The body: `type`, `title`, `status`, `detail`, `code`, and what the error adds."""
    status = CODES[code].status
    return {
        "type": f"{DOCUMENTATION}#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }


def respond(
    code: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    REFUSALS.labels(code).inc()
    headers = dict(headers or {})
    if wait := CODES[code].retry_after:
        headers["Retry-After"] = str(wait)
    return Response(
        document(code, detail, **members),
        status=CODES[code].status,
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
    if isinstance(error, SuspiciousOperation):
        return respond("invalid", _SUSPICIOUS)
    if isinstance(error, OperationalError | InterfaceError):
        DATABASE_ERRORS.inc()
        drop_unusable_connections(error)
        log.error("database_unavailable", exc_info=error)
        return respond(
            "database_unavailable", "A database does not answer. Try again in a few seconds."
        )
    return None


_SUSPICIOUS = "The request cannot be read: it is too large, or for another host."

_DRF = {
    exceptions.ParseError: "malformed_json",
    exceptions.AuthenticationFailed: "token_not_valid",
}


def _respond_to_drf(error: exceptions.APIException) -> Response:
    code = next((ours for theirs, ours in _DRF.items() if isinstance(error, theirs)), "")
    code = code or str(error.default_code)
    detail = str(error.detail)
    headers = {}
    if CODES[code].status == HTTPStatus.UNAUTHORIZED:
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


def documentation(request: HttpRequest) -> HttpResponse:
    """The page that `type` of a problem document points to."""
    return render(request, "freshtrak/errors.html", {"codes": CODES})


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's 404 for addresses that nothing answers at."""
    return _plain("not_found", "Nothing answers at this address.")


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return _plain("invalid", _SUSPICIOUS)


def server_error(request: HttpRequest) -> JsonResponse:
    return _plain("server_error", "Something went wrong here. It has been logged.")


def _plain(code: str, detail: str) -> JsonResponse:
    return JsonResponse(
        document(code, detail), status=CODES[code].status, content_type=CONTENT_TYPE
    )
