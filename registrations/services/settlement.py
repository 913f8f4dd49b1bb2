"""Settling: operations that change nothing except to apply what a dead process left pending."""

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
"""Longer than counters.OWNER_LIFETIME, so every movement pending at the start can be settled."""
POLL_SECONDS = 0.2


@retried
def settle_target(target: Target) -> bool:
    """Makes the public counter of a target exact; returns whether nothing is left pending.

    A movement stays pending if its owner may still be alive, or if public takes no writes.
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
    """Settles every target with a pending movement; returns how many, and how many are left.

    If the owner may still be alive, it tries again for up to `patience` seconds. Those that still
    may be, and targets that others keep locked, are left for the next run. Safe at any time and
    from several machines at once.
    """
    deadline = time.monotonic() + patience
    settled = 0
    while True:
        for ledger in ledgers.with_pending():
            try:
                settled += settle_target(ledger.target)
            except Busy:
                log.warning("settle_busy", target=str(ledger.target))
            except (DataError, IntegrityError):  # one bad ledger must not block the others
                log.exception("settle_failed", target=str(ledger.target))
        left = len(ledgers.with_pending())
        if not left or time.monotonic() >= deadline:
            return settled, left
        time.sleep(POLL_SECONDS)
