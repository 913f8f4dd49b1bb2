#!/usr/bin/env python3
"""Whether a booking costs more when many registrations hold a place or wait.

    tools/with_mariadb.py python benchmarks/growth.py [MANY]

Median milliseconds of a booking at an empty target and at a full-grown one, taking turns: a
date-only date where MANY (10,000) hold a place, and a slot where MANY wait. Only the ratios mean
anything.
"""

import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ.setdefault("DEBUG", "true")
sys.path.insert(0, os.getcwd())

import django

django.setup()

import logging  # noqa: E402

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from registrations.models import EventRegistration, Status  # noqa: E402
from registrations.queries import statuses  # noqa: E402
from schedules import sandbox  # noqa: E402
from tests.support import booking as b  # noqa: E402
from tests.support import factories  # noqa: E402

BOOKINGS = 200


def grow(row: Any, many: int, status: Status) -> None:
    """Adds this many registrations that hold or wait, as an adopted installation may have."""
    on_date = b.target_of(row).is_date
    day = row.pk if on_date else row.event_hour.event_date_id
    now = timezone.now()
    EventRegistration.objects.bulk_create(
        (
            EventRegistration(
                household=household,
                event_status=statuses.row_for(status),
                event_date_id=day,
                event_slot_id=None if on_date else row.pk,
                waitlisted_at=now if status is Status.WAITLISTED else None,
            )
            for household in factories.households(many)
        ),
        batch_size=1000,
    )


def measure(targets: list[Any]) -> list[float]:
    """Median milliseconds of a booking at each target, taking turns."""
    times: list[list[float]] = [[] for _ in targets]
    for household, target in zip(factories.households(len(targets)), targets, strict=True):
        b.register(household, target)  # opens the ledger
    for _ in range(BOOKINGS):
        for target, taken in zip(targets, times, strict=True):
            (household,) = factories.households(1)
            member = household.members.get().pk
            began = time.perf_counter()
            b.register(household, target, attendee_ids=[member])
            taken.append((time.perf_counter() - began) * 1000)
    return [median(taken) for taken in times]


def main(many: int) -> None:
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    makes: dict[str, tuple[Callable[..., Any], int, Status]] = {
        "hold a place on a date": (factories.EventDateFactory, 10 * many, Status.CONFIRMED),
        "wait at a slot": (factories.EventSlotFactory, 0, Status.WAITLISTED),
    }
    for what, (make, capacity, status) in makes.items():
        empty, grown = make(capacity=capacity), make(capacity=capacity)
        grow(grown, many, status)
        few, lots = measure([empty, grown])
        print(f"{many} {what}: {lots:.1f} ms beside {few:.1f} ms, ratio {lots / few:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
