"""What a booking sends to the two servers, counted in their general logs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from rest_framework.test import APIClient

from freshtrak.databases import PRIVATE, PUBLIC, query
from registrations.queries import statuses
from tests.support import booking as b
from tests.support import factories, tokens

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]


@contextmanager
def _general_log(sent: dict[str, list[str]]) -> Iterator[None]:
    """Fills `sent` with what this thread's connections send, by alias."""
    threads = {alias: query(alias, "SELECT CONNECTION_ID()")[0][0] for alias in (PRIVATE, PUBLIC)}
    for alias in threads:
        with connections[alias].cursor() as cursor:
            cursor.execute("SET GLOBAL log_output = 'TABLE'")
            cursor.execute("SET GLOBAL general_log = ON")
    try:
        yield
    finally:
        for alias, thread in threads.items():
            with connections[alias].cursor() as cursor:
                cursor.execute("SET GLOBAL general_log = OFF")
            rows = query(
                alias,
                "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
                " WHERE thread_id = %s ORDER BY event_time",
                thread,
            )
            # Beside the statements that switch the log.
            sent[alias] = [sql for (sql,) in rows if "general_log" not in sql]


def test_a_confirmed_booking_makes_sixteen_round_trips() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    first, newcomer = factories.households(2)
    b.register(first, slot)  # opens the ledger
    statuses.rows()
    sent: dict[str, list[str]] = {}

    member = newcomer.members.get().pk
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=tokens.of_household(newcomer), HTTP_IDEMPOTENCY_KEY="k")

    with _general_log(sent):
        answer = client.post(
            "/api/v1/registrations/", {"event_slot_id": slot.pk, "attendees": [member]}
        )

    assert answer.json()["status"] == "confirmed"
    assert [sql.split()[0] for sql in sent[PRIVATE]] == [
        "SELECT",  # household and members
        "BEGIN",
        "SELECT",  # the ledger, locked
        *["INSERT"] * 4,  # registration, attendees, trail, answer
        "UPDATE",  # the ledger
        "COMMIT",
        "UPDATE",  # the ledger is marked
    ]
    assert [sql.split()[0] for sql in sent[PUBLIC]] == [
        "SELECT",  # the slot with its schedule
        "BEGIN",
        "SELECT",  # the slot, locked
        *["UPDATE"] * 2,  # the counters of slot and date
        "COMMIT",
    ]
    assert b.drift() == {}
