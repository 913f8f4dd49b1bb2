"""Adopts the registrations of an installation that is older than this service.

`migrate` adds the columns and keeps every row. Adoption fills in what the new rules need: date and
event, from freshtrak_public, and the time of a cancellation, waitlisting or check-in.
Registrations that cannot take part stay readable as they are, and are listed with the reason.
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
"""Registrations read and written at once."""


class Why(StrEnum):
    """Why a registration is listed. The first two take part, the others do not."""

    PLACED = "placed"
    NO_HOUSEHOLD = "placed, but has no household: cancel it or assign one"
    SLOT_GONE = "its slot, hour or date is gone from the schedules"
    UNKNOWN_STATUS = "its status is unknown: define its meaning in STATUS_ALIASES"
    SECOND_OF_DAY = "its household has another one on that date: cancel one, then adopt again"


@dataclass(frozen=True)
class Adopted:
    """What happened, or would happen, to one registration."""

    registration_id: int
    household_id: int | None
    event_slot_id: int
    status: str
    why: Why


class Row(NamedTuple):
    """The old columns of a registration."""

    pk: int
    household_id: int | None
    event_slot_id: int
    event_status_id: int | None
    created_at: datetime
    updated_at: datetime


def adopt(*, dry_run: bool, report: Callable[[Adopted], None]) -> None:
    """Adopts each registration that has no date yet, in order of id, and reports it.

    A dry run writes nothing, and works before `migrate` too. If a household has two registrations
    on a date, the older one takes part. A second run continues with those that are left.
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
    """Adopts a batch in one transaction, together with the ledgers that count it."""
    slots = {Target.slot(row.event_slot_id) for row in batch}
    ledgers.open_missing(slots)
    with transaction.atomic(using=PRIVATE, durable=True):
        locked = ledgers.lock_existing(slots)
        adopted = adopt_batch()
        ledgers.recount(locked)
    return adopted


def _waiting(last: int) -> list[Row]:
    """The next registrations without a date; before `migrate`, none has one."""
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
    """Date and event of each slot that still has both."""
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
    """What a dry run would have placed, to find a household's second one without writing."""

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
    """When the registration got its status, as far as the old columns show."""
    return {
        Status.CANCELLED: {"cancelled_at": row.updated_at},
        Status.WAITLISTED: {"waitlisted_at": row.created_at},
        Status.CHECKED_IN: {"checked_in_at": row.updated_at},
    }.get(status, {})


def _write(registration_id: int, values: dict[str, object]) -> bool:
    """False, with nothing written, if the household has another active one on that date."""
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
