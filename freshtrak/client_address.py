"""Where a request comes from: for limits, for lock-outs, and nowhere else is it worked out.

NUM_PROXIES says how many proxies in front add to X-Forwarded-For. What stands there before their
entries is the client's own invention.
"""

from ipaddress import IPv6Address, ip_address
from typing import Any

import structlog
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.http import HttpRequest

log = structlog.get_logger(__name__)

UNKNOWN = "0.0.0.0"  # noqa: S104 (nothing listens there; axes needs an address)
"""Of a client that speaks through a Unix socket, without a proxy that names it."""
_HINT = "Set NUM_PROXIES to the number of proxies that add to X-Forwarded-For."

_warned = False


def client_address(request: HttpRequest) -> str:
    """The client's address; of IPv6 the /64 network, all of which one client has to itself."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    proxies = int(settings.REST_FRAMEWORK["NUM_PROXIES"])  # type: ignore[arg-type]
    if proxies and forwarded:
        entries = forwarded.split(",")
        if address := _parse(entries[-min(proxies, len(entries))]):
            return address
    return _parse(request.META.get("REMOTE_ADDR", "")) or UNKNOWN


def _parse(text: str) -> str | None:
    """The address without port, brackets and zone; None if it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def warn_of_undeclared_proxy(request: HttpRequest) -> None:
    """Once for each process: behind such a proxy everybody has one address, so that a few wrong
    passwords lock out, and a few log-ins slow down, everybody."""
    global _warned
    if _warned or settings.REST_FRAMEWORK["NUM_PROXIES"] or not _is_near(request):
        return
    _warned = True
    log.warning("undeclared_proxy", hint=_HINT)


def _is_near(request: HttpRequest) -> bool:
    """Whether the other end of the connection is in our own network, as a proxy's would be."""
    return ip_address(_parse(request.META.get("REMOTE_ADDR", "")) or UNKNOWN).is_private


@register(Tags.security)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """HTTPS_ONLY means a proxy that ends TLS."""
    if not settings.SECURE_SSL_REDIRECT or settings.REST_FRAMEWORK["NUM_PROXIES"]:
        return []
    return [
        Warning(
            "HTTPS_ONLY needs a proxy, but NUM_PROXIES is 0: all clients count as one address.",
            hint=_HINT,
            id="freshtrak.W013",
        )
    ]
