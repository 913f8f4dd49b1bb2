"""Rows to measure with, created for each run and removed after it.

Each run finds databases of the same size, and the oracle can check every row.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import F, Max
from django.utils import timezone

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import (
    EventRegistration,
    EventRegistrationMember,
    HouseholdMember,
    Status,
)
from registrations.queries import statuses
from registrations.services import ledgers
from schedules.models import EventDate, EventSlot
from schedules.targets import Target
from tests.support import factories

API = "/api/v1"

_make: Any = factories

TABLES = {
    PRIVATE: (
        "event_registration_members",
        "event_registrations",
        "audit_events",
        "check_ins",
        "idempotency_records",
        "ledgers",
    ),
    PUBLIC: ("event_slots", "event_hours", "event_dates", "events"),
}


@dataclass(frozen=True)
class Job:
    """What one request is about."""

    key: str = ""
    household_id: int = 0
    member_id: int = 0
    date_id: int = 0
    slot_id: int = 0
    registration_id: int = 0


@dataclass(frozen=True)
class Prepared:
    """The requests of one run, whose rows are in place."""

    jobs: Sequence[Job]
    requests: Sequence[bytes]
    afterwards: dict[str, int]
    """How many registrations must have each status in the end."""


class Person(NamedTuple):
    """The only member of a household."""

    household_id: int
    member_id: int


class Crowd:
    """Households, created once: when all registrations are gone, each can book again."""

    def __init__(self) -> None:
        self._people: list[Person] = []

    def take(self, count: int) -> list[Person]:
        missing = count - len(self._people)
        if missing > 0:
            first = factories.households(missing)[0].pk
            rows = HouseholdMember.objects.filter(household_id__gte=first).order_by("pk")
            self._people += [Person(*row) for row in rows.values_list("household_id", "pk")]
        return self._people[:count]


class Place(NamedTuple):
    """A registration that exists before the run."""

    slot: EventSlot
    person: Person
    status: Status = Status.CONFIRMED


def slot(**values: Any) -> EventSlot:
    row: EventSlot = _make.EventSlotFactory(**values)
    return row


def slots_of_one_date(
    capacity: int, *, hours: int = 5, per_hour: int = 10, **of_date: Any
) -> list[EventSlot]:
    slots = []
    with transaction.atomic(using=PUBLIC):
        date = _make.EventDateFactory(capacity=hours * per_hour * capacity, **of_date)
        for start in range(900, 900 + 100 * hours, 100):
            hour = _make.EventHourFactory(
                event_date=date, start_time_key=start, end_time_key=start + 100
            )
            slots += [
                slot(
                    event_hour=hour,
                    capacity=capacity,
                    start_time_key=start + number,
                    end_time_key=start + number + 1,
                )
                for number in range(per_hour)
            ]
    return slots


def slots_of_many_dates(count: int, capacity: int) -> list[EventSlot]:
    """One slot per date, one date per event."""
    with transaction.atomic(using=PUBLIC):
        return [slot(capacity=capacity) for _ in range(count)]


def open_ledgers(slots: Sequence[EventSlot]) -> None:
    """Opens the ledgers beforehand: we do not measure first use."""
    ledgers.open_missing({Target.slot(row.pk) for row in slots})


def fill(places: Sequence[Place]) -> list[int]:
    """Creates registrations with attendees, counters and ledgers; returns their ids in order."""
    last = EventRegistration.objects.aggregate(last=Max("pk"))["last"] or 0
    EventRegistration.objects.bulk_create(map(_registration, places), batch_size=1000)
    ids = list(
        EventRegistration.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
    )
    EventRegistrationMember.objects.bulk_create(
        (
            EventRegistrationMember(event_registration_id=id_, household_member_id=member_id)
            for id_, (_, (_, member_id), _) in zip(ids, places, strict=True)
        ),
        batch_size=1000,
    )
    _count([place.slot for place in places if place.status is Status.CONFIRMED])
    open_ledgers([place.slot for place in places])
    return ids


def _registration(place: Place) -> EventRegistration:
    hour = place.slot.event_hour
    now = timezone.now()
    return EventRegistration(
        household_id=place.person.household_id,
        event_status=statuses.row_for(place.status),
        event_id=hour.event_date.event_id,
        event_date_id=hour.event_date_id,
        event_slot_id=place.slot.pk,
        waitlisted_at=now if place.status is Status.WAITLISTED else None,
    )


def _count(holding: list[EventSlot]) -> None:
    """Sets the counters in public."""
    by_slot = Counter(row.pk for row in holding)
    by_date = Counter(row.event_hour.event_date_id for row in holding)
    with transaction.atomic(using=PUBLIC):
        for slot_id, count in by_slot.items():
            EventSlot.objects.filter(pk=slot_id).update(reserved=F("reserved") + count)
        for date_id, count in by_date.items():
            EventDate.objects.filter(pk=date_id).update(reserved=F("reserved") + count)


def make_full(slots: Sequence[EventSlot]) -> None:
    """Lowers each capacity to what is reserved."""
    EventSlot.objects.filter(pk__in=[row.pk for row in slots]).update(capacity=F("reserved"))


def wipe() -> None:
    """Removes all schedules and registrations, so that no purge runs into the next measurement."""
    for alias, tables in TABLES.items():
        with connections[alias].cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            for table in tables:
                cursor.execute(f"TRUNCATE {table}")
            cursor.execute("SET FOREIGN_KEY_CHECKS = 1")
