"""Retries a whole operation while the obstacle is one that goes away by itself."""

import itertools
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from prometheus_client import Counter

from freshtrak.databases import drop_unusable_connections, is_rollback
from registrations.errors import Busy, TryAgain
from registrations.queries import statuses

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = Counter(
    "freshtrak_retries_total", "Operations that were tried again.", ["operation", "why"]
)

RETRY_SECONDS = 10.0
"""How long an operation keeps trying: longer than counters.OWNER_LIFETIME, so that a dead owner's
movement becomes old enough to judge."""
LONGEST_PAUSE = 0.5
"""Seconds between two attempts, at most. The first pauses are milliseconds, and all are random, so
that rivals do not collide again."""


ROW_GONE = {1452, "FOREIGN KEY constraint failed"}
"""MySQL's and SQLite's errors for a reference to a missing row."""
SQLITE_LOCKED = {"database is locked", "database table is locked"}


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed if tried again; nothing was committed.

    True for what the server has rolled back, for SQLite's "database is locked", and for a status
    whose row was replaced since it was read.
    """
    if isinstance(error, TryAgain):
        return True
    if isinstance(error, IntegrityError) and error.args[0] in ROW_GONE:
        statuses.forget()  # the only row that is referenced without being read
        return True
    return isinstance(error, OperationalError) and (
        is_rollback(error) or str(error) in SQLITE_LOCKED
    )


def retried(operation: Callable[P, R]) -> Callable[P, R]:
    """Retries the whole operation while its failure is transient: bounded, with jitter.

    Raises Busy when the time is up. Never use it inside a transaction: the operation owns both.
    """

    @wraps(operation)
    def until_done(*args: P.args, **kwargs: P.kwargs) -> R:
        deadline = time.monotonic() + RETRY_SECONDS
        for attempt in itertools.count(1):
            try:
                return operation(*args, **kwargs)
            except (TryAgain, DatabaseError, InterfaceError) as error:
                drop_unusable_connections(error)
                if not is_transient(error):
                    raise
                if time.monotonic() >= deadline:
                    raise Busy from error
                RETRIES.labels(operation.__name__, type(error).__name__).inc()
                log.info("retried", operation=operation.__name__, attempt=attempt, why=str(error))
            time.sleep(random.uniform(0, min(0.01 * 2**attempt, LONGEST_PAUSE)))  # noqa: S311
        raise AssertionError("unreachable")

    return until_done
