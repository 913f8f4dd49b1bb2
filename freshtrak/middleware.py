"""Around every request: one id for all that it causes, and an answer when a database is down.

And what only pages need, which the API goes without.
"""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from prometheus_client import Counter, Histogram
from whitenoise.middleware import WhiteNoiseMiddleware

from freshtrak import client_address, error_pages, sessions
from freshtrak.databases import drop_unusable_connections
from freshtrak.metrics import DATABASE_ERRORS

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REQUESTS = Counter("freshtrak_requests_total", "Requests.", ["method", "route", "status"])
SECONDS = Histogram("freshtrak_request_seconds", "Seconds until the answer.", ["route"])

API = "/api/v1/"

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
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not _ACCEPTABLE.fullmatch(request_id):
            request_id = uuid.uuid4().hex
            request.META["HTTP_X_REQUEST_ID"] = request_id  # the trail takes it from there
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if "HTTP_X_FORWARDED_FOR" in request.META:
            client_address.warn_of_undeclared_proxy(request)
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
        # What does not say otherwise is about a person: neither browser nor proxy keeps it.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page answers 503, and says so, while a database is down. (The API does by itself.)"""
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


class _PagesOnly:
    """Does nothing for the API, which knows no session, no cookie and no document."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path.startswith(API):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class PageStaticFilesMiddleware(_PagesOnly, WhiteNoiseMiddleware):  # type: ignore[misc]
    pass


class PageSessionMiddleware(_PagesOnly, SessionMiddleware):
    pass


class PageAuthenticationMiddleware(_PagesOnly, AuthenticationMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: sessions.user_of(request))  # type: ignore[assignment]


class PageMessageMiddleware(_PagesOnly, MessageMiddleware):
    pass


class PageContentSecurityPolicyMiddleware(_PagesOnly, CSPMiddleware):
    pass
