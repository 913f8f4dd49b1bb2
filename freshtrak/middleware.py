"""Around every request: one id for all that it causes, and an answer when a database is down."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from freshtrak import error_pages
from freshtrak.databases import drop_unusable_connections
from freshtrak.metrics import DATABASE_ERRORS

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REQUESTS = Counter("freshtrak_requests_total", "Requests.", ["method", "route", "status"])
SECONDS = Histogram("freshtrak_request_seconds", "Seconds until the answer.", ["route"])

log = structlog.get_logger(__name__)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._\-]{1,64}")


class RequestMiddleware:
    """One id for all that a request causes, one line in the log, one count in the metrics.

    Takes over `X-Request-ID` or makes one, returns it, and binds it to every log line. The query
    string is not logged: it may hold a name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.META["HTTP_X_REQUEST_ID"] = request_id  # where the trail's actors take it from
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        match = request.resolver_match
        route = match.route if match else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(route).observe(seconds)
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round(seconds * 1000),
        )
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
        DATABASE_ERRORS.inc()
        drop_unusable_connections(error)
        log.error("database_unavailable", exc_info=error)
        return error_pages.page(
            "Temporarily unavailable",
            "A database does not answer. Nothing was changed. Load this page again in a few "
            "seconds. If that does not help, tell the person who runs the service.",
            status=503,
            retry_after=5,
        )
