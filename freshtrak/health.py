"""Whether the process is up, and whether its databases answer."""

from django.db import DatabaseError, InterfaceError, connections
from django.http import HttpRequest, JsonResponse

from freshtrak.databases import PRIVATE, PUBLIC

NAMES = {"freshtrak_private": PRIVATE, "freshtrak_public": PUBLIC}


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; does not query a database."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if both databases answer, else 503; reports the status of each."""
    databases = {name: _answers(alias) for name, alias in NAMES.items()}
    ready = all(databases.values())
    return JsonResponse(
        {
            "status": "ok" if ready else "unavailable",
            "databases": {name: "ok" if up else "down" for name, up in databases.items()},
        },
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "5"},
    )


def _answers(alias: str) -> bool:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        connections[alias].close()
        return False
    return True
