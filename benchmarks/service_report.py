#!/usr/bin/env python3
"""How long the service report takes with 100,000 check-ins in its year.

    tools/with_mariadb.py python benchmarks/service_report.py [CHECK-INS]

A year of 100 distributions; three members came each time. Prints medians of five: until the answer,
and the CPU of this process, which a busy machine does not change.
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
import resource  # noqa: E402
from datetime import datetime, timedelta  # noqa: E402

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from audit.models import CheckIn  # noqa: E402
from registrations.models import (  # noqa: E402
    EventRegistration,
    HouseholdMember,
    Status,
)
from registrations.queries import statuses  # noqa: E402
from schedules import sandbox  # noqa: E402
from schedules.keys import date_key  # noqa: E402
from tests.support import factories  # noqa: E402

DATES, MEMBERS, ROUNDS = 100, 3, 5
REPORT = "/admin/registrations/eventregistration/report/"
YEAR = "first=2026-01-01&last=2026-12-31"


def _fill(check_ins: int) -> None:
    """As many households come to each distribution as there are; each comes to all of them."""
    households = factories.households(check_ins // DATES)
    now = timezone.now()
    HouseholdMember.objects.bulk_create(
        (
            HouseholdMember(
                household=household,
                first_name="First",
                last_name="Last",
                date_of_birth=datetime(1945 + 30 * n, 1, 15).date(),  # noqa: DTZ001
                added_by="benchmark",
                created_at=now,
                updated_at=now,
            )
            for household in households
            for n in range(MEMBERS - 1)
        ),
        batch_size=1000,
    )
    members: dict[int, list[int]] = {}
    for member_id, household_id in HouseholdMember.objects.values_list("pk", "household_id"):
        members.setdefault(household_id or 0, []).append(member_id)
    came = statuses.row_for(Status.CHECKED_IN)
    first = datetime(2026, 1, 1, 12, tzinfo=timezone.get_default_timezone())
    event = factories.EventFactory()
    for number in range(DATES):
        at = first + timedelta(days=3 * number)
        day = factories.EventDateFactory(event=event, event_date_key=date_key(at.date()))
        EventRegistration.objects.bulk_create(
            (
                EventRegistration(
                    household=household,
                    event_status=came,
                    event_id=event.pk,
                    event_date_id=day.pk,
                    created_at=at - timedelta(days=2),
                    checked_in_at=at,
                )
                for household in households
            ),
            batch_size=1000,
        )
        made = EventRegistration.objects.filter(event_date_id=day.pk)
        CheckIn.objects.bulk_create(
            (
                CheckIn(
                    at=at,
                    action=CheckIn.Action.CHECK_IN,
                    registration_id=registration_id,
                    household_id=household_id,
                    event_date_id=day.pk,
                    actor_kind="staff",
                    household_member_ids=members[household_id or 0],
                    attendee_count=MEMBERS,
                )
                for registration_id, household_id in made.values_list("pk", "household_id")
            ),
            batch_size=1000,
        )


def _seconds(client: Client, query: str) -> tuple[float, float]:
    """By the clock, and of CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    answer = client.get(f"{REPORT}{query}")
    assert answer.status_code == 200, query
    return time.perf_counter() - began, time.process_time() - cpu


def main(check_ins: int) -> None:
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    _fill(check_ins)
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        get_user_model().objects.create_superuser("root"),
        "django.contrib.auth.backends.ModelBackend",
    )
    for name, query in {
        "a year by month": f"?{YEAR}&by=month",
        "a year by day, as XLSX": f"xlsx/?{YEAR}&by=day",
        "one month by day": "?first=2026-10-01&last=2026-10-27",
    }.items():
        rounds = [_seconds(client, query) for _ in range(ROUNDS)]
        seconds, cpu = (median(column) for column in zip(*rounds, strict=True))
        print(f"{name}: {seconds:.1f} s, {cpu:.1f} s of CPU")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {peak:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
