"""Closing out a day: whoever is still expected becomes a no-show; and undoing exactly that.

No counter moves. Both work in batches of one private transaction each, so that what stops halfway
goes on with the next call.
"""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import StaleRegistration
from registrations.models import EventRegistration, Status
from registrations.queries import close_outs, statuses
from registrations.services import attendance, attendance_rules, facts
from registrations.services.retry import retried

BATCH = 100
"""How many registrations one transaction changes."""


class ClosedOut(NamedTuple):
    id: str
    """Stands in the trail beside each no-show that this close-out wrote."""
    marked: int


def close_out(event_date_id: int, *, before_end: bool = False, by: Actor) -> ClosedOut:
    """Marks every registration of a date that is still expected as no-show.

    Works in batches of one transaction each: if it stops halfway, the next call continues.
    Households that are checked in meanwhile stay checked in. Raises NotToday before the day,
    DayUnknown if public does not tell the day, DayNotOver until the last slot has ended, unless it
    is meant to be `before_end`, and Busy.
    """
    attendance_rules.check_over(event_date_id, timezone.now(), before_end=before_end)
    close_out_id, marked, last = uuid.uuid4().hex, 0, 0
    while batch := list(_expected(event_date_id).filter(pk__gt=last)[:BATCH]):
        ids = [registration.pk for registration in batch]
        marked += _mark_absent(event_date_id, ids, close_out_id=close_out_id, by=by)
        last = batch[-1].pk
    return ClosedOut(close_out_id, marked)


def undo_close_out(event_date_id: int, *, close_out_id: str, by: Actor) -> int:
    """Expects again whom this close-out marked as no-show; returns how many.

    Leaves alone whatever somebody has changed since, and other no-shows. Works in batches as
    `close_out` does, and needs only private. Raises Busy.
    """
    undone = last = 0
    while batch := list(close_outs.no_shows(event_date_id).filter(pk__gt=last)[:BATCH]):
        ids = [registration.pk for registration in batch]
        undone += _expect_again(event_date_id, ids, close_out_id=close_out_id, by=by)
        last = batch[-1].pk
    return undone


def _expected(event_date_id: int) -> QuerySet[EventRegistration]:
    confirmed = statuses.rows_meaning(Status.CONFIRMED)
    expected = EventRegistration.objects.filter(
        event_date_id=event_date_id, event_status__in=confirmed
    )
    return expected.order_by("pk")


@retried
def _mark_absent(
    event_date_id: int, registration_ids: Sequence[int], *, close_out_id: str, by: Actor
) -> int:
    now, marked = timezone.now(), 0
    with transaction.atomic(using=PRIVATE, durable=True):
        for registration in _expected(event_date_id).filter(pk__in=registration_ids):
            try:
                attendance.record_no_show(registration, by=by, at=now, close_out=close_out_id)
            except StaleRegistration:  # just checked in: it stays checked in
                continue
            marked += 1
    return marked


@retried
def _expect_again(
    event_date_id: int, registration_ids: Sequence[int], *, close_out_id: str, by: Actor
) -> int:
    now, undone = timezone.now(), 0
    confirmed = statuses.row_for(Status.CONFIRMED)
    with transaction.atomic(using=PRIVATE, durable=True):
        # The rows before the trail: who touches one after this has changed it under the guard.
        rows = list(close_outs.no_shows(event_date_id).filter(pk__in=registration_ids))
        untouched = close_outs.untouched(close_out_id, registration_ids)
        for registration in rows:
            if registration.pk not in untouched:
                continue
            try:
                registration.transition_to(confirmed, at=now, by=by.legacy_id)
            except StaleRegistration:  # just checked in: it stays checked in
                continue
            facts.record(
                AuditEvent.Action.NO_SHOW_UNDONE,
                registration,
                by=by,
                at=now,
                close_out=close_out_id,
            )
            undone += 1
    return undone
