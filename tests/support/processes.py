"""Real processes on the test databases."""

import os

from django.db import connections

from freshtrak.databases import PRIVATE, PUBLIC

RATES = ("TOKEN_RATE", "REFRESH_RATE", "CHANGE_RATE", "READ_RATE", "STAFF_RATE")


def environment() -> dict[str, str]:
    """The variables for another process on the test databases, with production's grants.

    Limits that nobody reaches, so that they cost a measurement what they cost in production: its
    callers are few, and each is as fast as it can.
    """
    return {
        **os.environ,
        **dict.fromkeys(RATES, "1000000/s"),
        "DEBUG": "true",
        "PRIVATE_DATABASE_URL": _url(PRIVATE),
        "PUBLIC_DATABASE_URL": _url(PUBLIC, user="booking"),
    }


def _url(alias: str, user: str = "owner") -> str:
    settings = connections[alias].settings_dict
    if connections[alias].vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    where = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    return f"mysql://{user}:{user}@{where}"
