"""Around every request: one id for all that it causes, and an answer when a database is down."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

log = structlog.get_logger(__name__)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._\-]{1,64}")


class RequestIdMiddleware:
    """Takes over `X-Request-ID` or makes one; returns it and binds it to every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class UnavailableMiddleware:
    """Pages answer 503, and say so, while a database does not. (The API has its own handler.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        log.error("database_unavailable", exc_info=error)
        page = render_to_string("freshtrak/unavailable.html")  # without the user: no database
        response = HttpResponse(page, status=503)
        response["Retry-After"] = "5"
        return response
