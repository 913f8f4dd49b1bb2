"""How often an address may try to log in."""

from math import ceil

from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle


def client_address(request: HttpRequest) -> str:
    """The client's address, as the NUM_PROXIES proxies in front report it."""
    return BaseThrottle().get_ident(request)  # type: ignore[arg-type]


class _LogInThrottle(SimpleRateThrottle):
    """TOKEN_RATE, as for tokens, but counted separately."""

    scope = "token"

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        return self.cache_format % {"scope": "log-in", "ident": self.get_ident(request)}  # type: ignore[arg-type]


def log_in_wait(request: HttpRequest) -> int | None:
    """Seconds until this address may try to log in again; None if it may now."""
    throttle = _LogInThrottle()
    if throttle.allow_request(request, None):  # type: ignore[arg-type]
        return None
    return ceil(throttle.wait() or 60)
