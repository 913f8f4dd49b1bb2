"""Taking over the registrations of an installation from before this service.

`migrate` adds the columns and keeps every row. Here they learn what the new rules need: date and
event, from freshtrak_public; and since when they are cancelled, wait, or were checked in. What
cannot take part stays readable as it is, and is listed with its reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from django.db import IntegrityError, connections, transaction

from freshtrak.databases import PRIVATE
from registrations.models import EventRegistration, EventStatus, Status
from registrations.queries import targets
from registrations.services import ledgers
from registrations.services.retry import retried
from schedules.models import EventSlot
from schedules.targets import Target

BATCH = 1000
"""Registrations that are read, and written, at once."""


class Why(StrEnum):
    """Why a registration is listed. The first two take part; the others do not."""

    PLACED = "placed"
    NO_HOUSEHOLD = "placed, but belongs to no household: cancel it, or give it one"
    SLOT_GONE = "its slot, or the hour or date of it, is gone from the schedules"
    UNKNOWN_STATUS = "its status is none of ours: name its meaning in STATUS_ALIASES"
    SECOND_OF_DAY = "its household has another one on that date: cancel one, and adopt again"


@dataclass(frozen=True)
class Adopted:
    """What became, or would become, of one registration."""

    registration_id: int
    household_id: int | None
    event_slot_id: int
    status: str
    why: Why


class Row(NamedTuple):
    """A registration as its old columns have it."""

    pk: int
    household_id: int | None
    event_slot_id: int
    event_status_id: int | None
    created_at: datetime
    updated_at: datetime


def adopt(*, dry_run: bool, report: Callable[[Adopted], None]) -> None:
    """Takes over each registration that has no date yet, in the order of ids, and reports it.

    A dry run writes nothing, and works before `migrate` as well. The older of two registrations
    of one household and date is the one that takes part. Run again, it goes on with those left.
    """
    statuses = dict(EventStatus.objects.values_list("pk", "name"))
    taken = _Taken() if dry_run else None
    last = 0
    while batch := _waiting(last):
        last = batch[-1].pk
        places = _places([row.event_slot_id for row in batch])
        adopt_batch = partial(_adopt_batch, batch, statuses, places, taken)
        for adopted in adopt_batch() if dry_run else _under_ledgers(batch, adopt_batch):
            report(adopted)


def _adopt_batch(
    batch: list[Row],
    statuses: dict[int, str],
    places: dict[int, tuple[int, int]],
    taken: "_Taken | None",
) -> list[Adopted]:
    return [
        _adopt_one(
            row, statuses.get(row.event_status_id or 0, ""), places.get(row.event_slot_id), taken
        )
        for row in batch
    ]


@retried
def _under_ledgers(batch: list[Row], adopt_batch: Callable[[], list[Adopted]]) -> list[Adopted]:
    """Adopts a batch in one transaction with the ledgers that count its registrations."""
    slots = {Target.slot(row.event_slot_id) for row in batch}
    ledgers.open_missing(slots)
    with transaction.atomic(using=PRIVATE, durable=True):
        locked = ledgers.lock_existing(slots)
        adopted = adopt_batch()
        ledgers.recount(locked)
    return adopted


def _waiting(last: int) -> list[Row]:
    """The next batch that has no date yet; before `migrate`, of all."""
    rows = EventRegistration.objects.filter(pk__gt=last, event_slot_id__isnull=False)
    if _is_migrated():
        rows = rows.filter(event_date_id=None)
    return [Row(*values) for values in rows.order_by("pk").values_list(*Row._fields)[:BATCH]]


def _is_migrated() -> bool:
    connection = connections[PRIVATE]
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "event_registrations")
    return "event_date_id" in {column.name for column in columns}


def _places(slot_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Date and event of each slot that still has them."""
    slots = EventSlot.objects.filter(pk__in=slot_ids, event_hour__event_date__event__isnull=False)
    ids = slots.values_list("pk", "event_hour__event_date_id", "event_hour__event_date__event_id")
    return {slot_id: (date_id, event_id) for slot_id, date_id, event_id in ids}


def _adopt_one(
    row: Row, name: str, place: tuple[int, int] | None, taken: "_Taken | None"
) -> Adopted:
    why = _place(row, Status.parse(name), place, taken)
    return Adopted(row.pk, row.household_id, row.event_slot_id, name, why)


def _place(
    row: Row, status: Status | None, place: tuple[int, int] | None, taken: "_Taken | None"
) -> Why:
    if status is None:
        return Why.UNKNOWN_STATUS
    values: dict[str, object] = {**_since(row, status)}
    if place is not None:
        values |= {"event_date_id": place[0], "event_id": place[1]}
    if taken is None:
        placed = _write(row.pk, values)
    else:
        placed = place is None or status is Status.CANCELLED or taken.add(row, place[0])
    if place is None:
        return Why.SLOT_GONE
    if not placed:
        return Why.SECOND_OF_DAY
    return Why.PLACED if row.household_id is not None else Why.NO_HOUSEHOLD


class _Taken:
    """What a dry run would have placed: it knows without writing who would be the second."""

    def __init__(self) -> None:
        self.is_migrated = _is_migrated()
        self.dates: set[tuple[int, int]] = set()

    def add(self, row: Row, event_date_id: int) -> bool:
        """False if the household would have two active registrations on that date."""
        if (household_id := row.household_id) is None:
            return True
        key = (household_id, event_date_id)
        is_taken = self.is_migrated and targets.active_registration_id(*key) is not None
        if is_taken or key in self.dates:
            return False
        self.dates.add(key)
        return True


def _since(row: Row, status: Status) -> dict[str, datetime]:
    """When it came to its status, as far as the old columns tell."""
    return {
        Status.CANCELLED: {"cancelled_at": row.updated_at},
        Status.WAITLISTED: {"waitlisted_at": row.created_at},
        Status.CHECKED_IN: {"checked_in_at": row.updated_at},
    }.get(status, {})


def _write(registration_id: int, values: dict[str, object]) -> bool:
    """False if the household has another active registration on that date: nothing is written."""
    if not values:
        return True
    try:
        with transaction.atomic(using=PRIVATE):
            EventRegistration.objects.filter(pk=registration_id, event_date_id=None).update(
                **values
            )
    except IntegrityError:
        return False
    return True
