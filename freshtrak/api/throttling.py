"""How often a caller may ask, and an address try to log in. The rates are in settings.RATES."""

from typing import Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from freshtrak import rates
from freshtrak.api.authentication import Caller
from freshtrak.client_address import client_address


def log_in_wait(request: HttpRequest) -> int | None:
    """Seconds until this address may try to log in to the desk again; None if it may now."""
    return rates.wait("desk_log_in", client_address(request))


class _Throttle(BaseThrottle):
    seconds: int | None = None

    def wait(self) -> float | None:
        return self.seconds


class CallerThrottle(_Throttle):
    """A household's changes, a token's reads; whatever a member of staff does with a token."""

    def allow_request(self, request: Request, view: object) -> bool:
        if isinstance(request.user, Caller):
            self.seconds = rates.wait(*_counted_as(request, request.user))
        return self.seconds is None


class AddressThrottle(_Throttle):
    """How often an address may use the view; `throttle_scope` of the view names the rate."""

    def allow_request(self, request: Request, view: Any) -> bool:
        self.seconds = rates.wait(view.throttle_scope, client_address(request._request))
        return self.seconds is None


def _counted_as(request: Request, caller: Caller) -> tuple[str, str]:
    """The scope, and who is counted there."""
    if caller.is_staff:
        return "staff", _token_id(request.auth)
    if request.method in SAFE_METHODS:
        return "read", _token_id(request.auth)
    if caller.claimed_household_id is not None:
        return "change", f"household {caller.claimed_household_id}"
    return "change", f"account {caller.issuer} {caller.subject}"


def _token_id(token: Any) -> str:
    """The token's own id, else all of it; `rates` keeps a digest."""
    return str(token.payload.get("jti") or token.token)
