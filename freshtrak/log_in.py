"""The admin's log-in, throttled by address: axes locks a name, this slows who tries many names."""

from math import ceil
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from rest_framework.throttling import SimpleRateThrottle

from freshtrak import notices


class LogInThrottle(SimpleRateThrottle):
    """TOKEN_RATE, as for tokens; each is counted for itself."""

    scope = "token"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return self.cache_format % {"scope": "log-in", "ident": self.get_ident(request)}


def log_in(request: HttpRequest) -> HttpResponse:
    throttle: Any = LogInThrottle()
    if request.method == "POST" and not throttle.allow_request(request, None):
        return notices.say(
            "Too many log-ins from here",
            "Wait a minute, then try again.",
            status=429,
            retry_after=ceil(throttle.wait() or 60),
        )
    return admin.site.login(request)
