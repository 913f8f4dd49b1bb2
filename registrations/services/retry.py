"""Trying a whole operation again while what stands in its way goes away by itself."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
import tenacity
from django.db import OperationalError
from prometheus_client import Counter

from registrations.errors import Busy, TryAgain

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = Counter(
    "freshtrak_retries_total", "Operations that were tried again.", ["operation", "why"]
)

RETRY_SECONDS = 10.0
"""How long an operation tries for; longer than counters.OWNER_LIFETIME, so that it can see the
movement of a dead owner grow old."""


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed if tried again: nothing was committed.

    Deadlock (1213), lock wait timeout (1205), a row changed under a snapshot (1020); SQLite's
    "database is locked".
    """
    if isinstance(error, TryAgain):
        return True
    return isinstance(error, OperationalError) and (
        error.args[:1] in [(1213,), (1205,), (1020,)] or "is locked" in str(error)
    )


def retried(operation: Callable[P, R]) -> Callable[P, R]:
    """Tries the whole operation again while its failure is transient, bounded, with jitter.

    Raises Busy when the time is up. Never inside a transaction: the operation owns both.
    """
    retrying = tenacity.retry(
        retry=tenacity.retry_if_exception(is_transient),
        stop=lambda state: (state.seconds_since_start or 0) >= RETRY_SECONDS,
        wait=tenacity.wait_random_exponential(multiplier=0.01, max=0.5),
        before_sleep=lambda state: _note_retry(operation.__name__, state),
        reraise=True,
    )(operation)

    @wraps(operation)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return retrying(*args, **kwargs)
        except (TryAgain, OperationalError) as error:
            if is_transient(error):
                raise Busy from error
            raise

    return bounded


def _note_retry(operation: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    RETRIES.labels(operation, type(error).__name__).inc()
    log.info("retried", operation=operation, attempt=state.attempt_number, why=str(error))
