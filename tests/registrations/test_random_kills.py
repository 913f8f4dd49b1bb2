"""Killed at random, under load, with another system writing the same counters."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from django.db import connections

from audit.models import AuditEvent
from freshtrak.databases import PRIVATE
from registrations.models import EventRegistration
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories, processes

pytestmark = pytest.mark.real_commits


def _load(seconds: int, *control: str) -> tuple[dict[str, Any], EventSlot]:
    """Runs `tests.support.load`; returns its report, and the slot that the other system stamps."""
    hour = factories.EventHourFactory()
    slots = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=4)
    stamped = factories.EventSlotFactory(capacity=4)
    households = factories.households(24)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.load",
            str(seconds),
            ",".join(str(household.pk) for household in households),
            ",".join(str(slot.pk) for slot in [*slots, stamped]),
            str(stamped.pk),
            *control,
        ],
        env=processes.environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + 60,
    )
    return json.loads(run.stdout), stamped


@pytest.mark.mariadb
def test_control_without_the_ledgers_lock_the_counters_go_wrong() -> None:
    held: dict[int, int] = {}
    for _ in range(6):  # on a busy machine, rivals meet less often
        report, _ = _load(5, "without-ledger-lock")
        with contextlib.suppress(AssertionError):
            b.settle_all()
        held |= {int(slot): count for slot, count in report["others"]["held"].items()}
        if b.drift(held):
            return
    raise AssertionError("nothing went wrong without the lock")


@pytest.mark.slow
def test_counters_are_exact_and_nothing_was_ever_oversold() -> None:
    seconds = 30 if connections[PRIVATE].vendor == "mysql" else 10

    report, stamped = _load(seconds)
    pending = b.pending()
    b.settle_all()

    assert report["errors"] == ""
    assert report["oversold"] == {}
    assert report["kills"] >= seconds * 4
    assert report["cuts"] >= (seconds * 2 if connections[PRIVATE].vendor == "mysql" else 0)
    held = {int(slot): count for slot, count in report["others"]["held"].items()}
    doubts: Counter[int] = Counter()
    for event in AuditEvent.objects.filter(action="ambiguous"):
        doubts[event.event_slot_id] += abs(event.delta)
    # Where the other system leaves `last_update` alone, there is no doubt and no drift; where it
    # stamps, a doubt may keep a place counted that no one holds, never the reverse.
    wrong = b.drift(held)
    date = f"date {stamped.event_hour.event_date_id}"
    spare = wrong.pop(f"slot {stamped.pk}", (0, 0))
    spare_on_date = wrong.pop(date, (0, 0))
    assert wrong == {}
    excess = spare[0] - held[stamped.pk] - spare[1] if spare != (0, 0) else 0
    assert 0 <= excess <= doubts[stamped.pk]
    assert 0 <= spare_on_date[0] - spare_on_date[1] <= doubts[stamped.pk]
    assert set(doubts) <= {stamped.pk}
    print(
        f"{report['kills']} kills, {report['cuts']} cuts, "
        f"{report['others']['writes']} writes by others, "
        f"{EventRegistration.objects.count()} registrations, {AuditEvent.objects.count()} events, "
        f"{pending} left pending, {sum(doubts.values())} in doubt, {excess} places undersold"
    )
