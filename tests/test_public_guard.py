"""The suite's guard: any write to public from outside schedules.counters fails its test."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.db.models import F

from freshtrak import databases
from freshtrak.databases import PUBLIC
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories, public_guard


def _run_as(file: str, source: str, **names: Any) -> None:
    """Executes `source` as code of the project's `file`."""
    exec(compile(source, str(settings.BASE_DIR / file), "exec"), names)


WRITES = [
    "databases.execute(PUBLIC, 'UPDATE event_slots SET reserved = reserved + 1')",
    "EventSlot.objects.update(reserved=F('reserved') + 1)",
    "EventSlot.objects.all().delete()",
    "EventSlot(event_hour_id=1, capacity=1).save()",
    "cursor.execute('UPDATE event_slots SET reserved = reserved + 1')",
    "cursor.execute('/* in haste */ UPDATE event_slots SET reserved = reserved + 1')",
]


@pytest.mark.parametrize("file", ["registrations/services/booking.py", "schedules/models.py"])
@pytest.mark.parametrize("source", WRITES)
def test_write_from_elsewhere_is_refused_and_recorded(file: str, source: str) -> None:
    slot = factories.EventSlotFactory()

    with (
        transaction.atomic(using=PUBLIC),
        connections[PUBLIC].cursor() as cursor,
        pytest.raises(AssertionError, match=f"{file} writes to public"),
    ):
        _run_as(
            file,
            source,
            EventSlot=EventSlot,
            F=F,
            PUBLIC=PUBLIC,
            cursor=cursor,
            databases=databases,
        )

    assert len(public_guard.take_refused()) == 1
    assert (EventSlot.objects.get().pk, b.reserved(slot)) == (slot.pk, 0)


@pytest.mark.real_commits
def test_write_in_a_thread_is_refused_too() -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(AssertionError, match="writes to public"):
        b.in_parallel(
            lambda: _run_as(
                "registrations/desk/move.py", WRITES[0], databases=databases, PUBLIC=PUBLIC
            )
        )

    assert len(public_guard.take_refused()) == 1
    assert b.reserved(slot) == 0


def test_counters_and_reads_from_elsewhere_pass(household: Any) -> None:
    slot = factories.EventSlotFactory()

    b.register(household, slot)
    _run_as("registrations/services/booking.py", "EventSlot.objects.get()", EventSlot=EventSlot)

    assert b.reserved(slot) == 1
    assert public_guard.take_refused() == []
