#!/usr/bin/env python3
"""How long `reconcile_reserved` takes over a million slots with a million registrations.

    tools/with_mariadb.py python benchmarks/reconcile.py [SLOTS]

Prints the seconds and the peak memory of each run, in a process of its own: a check when every
counter is wrong, the first backfill, and a check when all are exact.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
os.environ.setdefault("DEBUG", "true")
os.environ["LOG_LEVEL"] = "ERROR"  # not a line for each counter that is corrected
sys.path.insert(0, os.getcwd())

import django

django.setup()

import logging  # noqa: E402
import resource  # noqa: E402

from django.core.management import call_command  # noqa: E402

from benchmarks import bulk  # noqa: E402
from freshtrak.databases import PRIVATE  # noqa: E402
from registrations.models import Status  # noqa: E402
from registrations.queries import statuses  # noqa: E402
from schedules import sandbox  # noqa: E402
from tests.support import factories  # noqa: E402

PER_HOUR, HOURS_PER_DATE = 10, 10


def _fill(slots: int) -> None:
    """Fills this many slots, ten per hour and ten hours per date, with one registration each."""
    slot = factories.EventSlotFactory(
        event_slot_id=1, event_hour__event_hour_id=1, event_hour__event_date__event_date_id=1
    )
    hours, dates = slots // PER_HOUR, slots // PER_HOUR // HOURS_PER_DATE
    bulk.copy(slot.event_hour.event_date, dates, {})
    bulk.copy(slot.event_hour, hours, {"event_date_id": f"1 + (seq - 1) DIV {HOURS_PER_DATE}"})
    bulk.copy(slot, slots, {"event_hour_id": f"1 + (seq - 1) DIV {PER_HOUR}"})
    bulk.insert(
        PRIVATE,
        "event_registrations",
        slots,
        event_status_id=statuses.row_for(Status.CONFIRMED).pk,
        event_date_id=f"1 + (seq - 1) DIV {PER_HOUR * HOURS_PER_DATE}",
        event_slot_id="seq",
        added_by=0,
        last_updated_by=0,
        created_at="NOW()",
        updated_at="NOW()",
    )


def _measure(title: str, *options: str) -> None:
    before = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", _CHILD, *options], stdout=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - before
    print(f"{title}: {seconds:.0f} s, {ended.stdout.strip()}, exit {ended.returncode}", flush=True)


_CHILD = """
import logging, os, resource, sys, django
django.setup()
logging.disable(logging.CRITICAL)
from django.core.management import call_command
status = 0
try:
    call_command("reconcile_reserved", *sys.argv[1:], stdout=open(os.devnull, "w"))
except SystemExit as end:
    status = end.code
print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
sys.exit(status)
"""


def main(slots: int) -> None:
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    _fill(slots)
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{slots} slots; a process that does nothing: {empty} MiB")
    _measure("--check, all wrong", "--check", "--json")
    _measure("--fix, the first backfill", "--fix", "--allowance=0", "--json")
    _measure("--check, all exact", "--check", "--json")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
