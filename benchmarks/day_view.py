#!/usr/bin/env python3
"""What a crowd costs at the gate: the day view with 10,000 registrations compared with 100.

    tools/with_mariadb.py python benchmarks/day_view.py

The database has 200,000 household members. The two dates take turns in one run; only the ratios
mean anything.
"""

import os
import sys
import time
from statistics import median

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ.setdefault("DEBUG", "true")
sys.path.insert(0, os.getcwd())

import django

django.setup()

import logging  # noqa: E402

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.models import Max  # noqa: E402
from django.test import Client  # noqa: E402

from registrations.models import (  # noqa: E402
    EventRegistration,
    EventRegistrationMember,
    HouseholdMember,
    Status,
)
from registrations.queries import statuses  # noqa: E402
from schedules import sandbox  # noqa: E402
from schedules.models import EventDate  # noqa: E402
from tests.support import factories  # noqa: E402

FEW, MANY, PEOPLE, ROUNDS = 100, 10_000, 200_000, 7
DAYS = "/admin/registrations/eventregistration/days"


def _fill(count: int) -> EventDate:
    """Today, with this many confirmed registrations spread over twelve slots."""
    day = factories.EventDateFactory(event_date_key=factories.in_days(0), capacity=MANY)
    hour = factories.EventHourFactory(event_date=day)
    slots = [
        factories.EventSlotFactory(event_hour=hour, capacity=count, start_time_key=900 + n)
        for n in range(12)
    ]
    confirmed = statuses.row_for(Status.CONFIRMED)
    members = HouseholdMember.objects.order_by("-pk")[:count]
    last = EventRegistration.objects.aggregate(last=Max("pk"))["last"] or 0
    EventRegistration.objects.bulk_create(
        (
            EventRegistration(
                household_id=member.household_id,
                event_status=confirmed,
                event_id=day.event_id,
                event_date_id=day.pk,
                event_slot_id=slots[n % 12].pk,
            )
            for n, member in enumerate(members)
        ),
        batch_size=1000,
    )
    made = EventRegistration.objects.filter(pk__gt=last).order_by("pk")
    EventRegistrationMember.objects.bulk_create(
        (
            EventRegistrationMember(event_registration=row, household_member=member)
            for row, member in zip(made, members, strict=True)
        ),
        batch_size=1000,
    )
    return day


def _seconds(client: Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == 200, path
    return time.perf_counter() - began


def main() -> None:
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    for _ in range(PEOPLE // 20_000):
        factories.households(20_000)
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        get_user_model().objects.create_superuser("root"),
        "django.contrib.auth.backends.ModelBackend",
    )
    days = {count: _fill(count) for count in (FEW, MANY)}
    household = EventRegistration.objects.filter(event_date_id=days[FEW].pk)[0].household
    assert household is not None
    for name, path in {
        "the page": "",
        "a name": f"?q={household.name}",
        "a misspelled name": "?q=Lsat",
        "a code": "?q=ABC234",
        "the counters": "counters/",
    }.items():
        few, many = [], []
        for _ in range(ROUNDS):
            few.append(_seconds(client, f"{DAYS}/{days[FEW].pk}/{path}"))
            many.append(_seconds(client, f"{DAYS}/{days[MANY].pk}/{path}"))
        print(
            f"{name}: {median(many) * 1000:.0f} ms beside {median(few) * 1000:.0f} ms,"
            f" ratio {median(many) / median(few):.1f}"
        )


if __name__ == "__main__":
    main()
