"""Settling: operations that change nothing, and fold what a dead process left pending."""

import time

import structlog
from django.db import DataError, IntegrityError
from django.utils import timezone

from audit import trail
from registrations.errors import Busy
from registrations.services import ledgers, two_phase
from registrations.services.retry import retried
from registrations.services.two_phase import Operation, Unclear
from schedules.targets import Target

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 10.0
"""Longer than counters.OWNER_LIFETIME: whatever is pending at the start can be judged by then."""
POLL_SECONDS = 0.2


@retried
def settle_target(target: Target) -> bool:
    """Makes the public counter of a target exact; returns whether nothing is left pending there.

    Something is left if the owner of a movement may still be alive, or public takes no writes.
    Raises Busy.
    """

    def change_nothing(operation: Operation) -> None:
        return None

    try:
        two_phase.run(
            [target],
            change_nothing,
            by=trail.SYSTEM,
            at=timezone.now(),
            expects_movement=two_phase.never,
        )
    except Unclear:
        return False
    return not ledgers.is_pending(target)


def settle_all(*, patience: float = PATIENCE_SECONDS) -> tuple[int, int]:
    """Settles every target where a movement is pending; returns how many, and how many are left.

    Where the owner may still be alive it looks again, for up to `patience` seconds. Left are those
    who still may, and targets that others keep locked: the next run finds them. Safe at any time
    and from several machines at once.
    """
    deadline = time.monotonic() + patience
    settled = 0
    while True:
        for ledger in ledgers.with_pending():
            try:
                settled += settle_target(ledger.target)
            except Busy:
                log.warning("settle_busy", target=str(ledger.target))
            except (DataError, IntegrityError):  # one ledger must not keep the others waiting
                log.exception("settle_failed", target=str(ledger.target))
        left = len(ledgers.with_pending())
        if not left or time.monotonic() >= deadline:
            return settled, left
        time.sleep(POLL_SECONDS)
