"""Making the counters exact where nobody books again."""

import structlog
from django.utils import timezone

from audit.models import AuditEvent
from registrations.errors import Busy
from registrations.services import protocol, settlement
from schedules.counters import Target

log = structlog.get_logger(__name__)


def settle() -> tuple[int, int]:
    """Settles every target that has unsettled events; returns how many events, and how many left.

    Left are those whose owner may still be alive, and targets that others keep locked: the next
    run finds them. Safe at any time and from several machines at once.
    """
    rows = AuditEvent.objects.unsettled().order_by("pk")
    targets = dict.fromkeys(
        Target.of(event_slot_id=slot_id, event_date_id=date_id)
        for slot_id, date_id in rows.values_list("event_slot_id", "event_date_id")
    )
    settled = 0
    for target in targets:
        try:
            while marked := _settle_one(target):
                settled += marked
        except Busy:
            log.warning("settle_busy", target=str(target))
    return settled, AuditEvent.objects.unsettled().count()


@protocol.retried
def _settle_one(target: Target) -> int:
    return settlement.settle(target, at=timezone.now())
