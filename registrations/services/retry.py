"""Trying a whole operation again while what stands in its way goes away by itself."""

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
"""How long an operation tries for; longer than counters.OWNER_LIFETIME, so that it can see the
movement of a dead owner grow old."""
LONGEST_PAUSE = 0.5
"""Seconds between two attempts, at the most. The first pauses are milliseconds, and all are drawn
at random, so that rivals do not meet again."""


ROW_GONE = {1452, "FOREIGN KEY constraint failed"}
"""MySQL's and SQLite's errors for a reference to a row that is not there."""
SQLITE_LOCKED = {"database is locked", "database table is locked"}


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed if tried again: nothing was committed.

    What the server has rolled back, SQLite's "database is locked", and a status whose row was
    replaced since it was read.
    """
    if isinstance(error, TryAgain):
        return True
    if isinstance(error, IntegrityError) and error.args[0] in ROW_GONE:
        statuses.forget()  # the only row that is referred to unread
        return True
    return isinstance(error, OperationalError) and (
        is_rollback(error) or str(error) in SQLITE_LOCKED
    )


def retried(operation: Callable[P, R]) -> Callable[P, R]:
    """Tries the whole operation again while its failure is transient, bounded, with jitter.

    Raises Busy when the time is up. Never inside a transaction: the operation owns both.
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
