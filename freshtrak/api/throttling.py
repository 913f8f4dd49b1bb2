"""How often an address may try to log in."""

from math import ceil

from django.http import HttpRequest
from rest_framework.throttling import SimpleRateThrottle

from freshtrak.client_address import client_address


class _LogInThrottle(SimpleRateThrottle):
    """TOKEN_RATE, as for tokens, but counted separately."""

    scope = "token"

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        return self.cache_format % {"scope": "log-in", "ident": client_address(request)}


def log_in_wait(request: HttpRequest) -> int | None:
    """Seconds until this address may try to log in again; None if it may now."""
    throttle = _LogInThrottle()
    if throttle.allow_request(request, None):  # type: ignore[arg-type]
        return None
    return ceil(throttle.wait() or 60)
