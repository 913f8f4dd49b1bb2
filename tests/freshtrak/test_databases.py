import select
from typing import Any

import pytest
from django.core.management import call_command
from django.db import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.utils import timezone
from rest_framework.test import APIClient

from freshtrak import databases
from freshtrak.databases import (
    PRIVATE,
    PUBLIC,
    PUBLIC_READ,
    execute,
    from_replica,
    insert,
    query,
)
from registrations.models import EventRegistration
from tests.support import booking as b
from tests.support import factories, tokens
from tools.with_mariadb import Server

_INSERT = (
    "INSERT INTO event_statuses (id, name, added_by, last_updated_by, created_at, updated_at)"
    " VALUES (%s, %s, 0, 0, '2026-01-01', '2026-01-01')"
)


@pytest.mark.django_db
def test_rows_matched_and_inserted_ids() -> None:
    """Also rows that an UPDATE leaves as they are count as matched: a guard must see them."""
    execute(PRIVATE, _INSERT, 901, "100 % O'Brien \\ \u00fc")
    now = timezone.now()
    household_id = insert(
        PRIVATE,
        "households",
        number=1,
        name="",
        identification_code="A",
        added_by=0,
        last_updated_by=0,
        created_at=now,
        updated_at=now,
    )

    rows = query(PRIVATE, "SELECT id, name FROM event_statuses WHERE id = %s", 901)
    same = execute(PRIVATE, "UPDATE event_statuses SET name = name WHERE id = %s", 901)
    none = execute(PRIVATE, "UPDATE event_statuses SET name = name WHERE id = %s", 902)

    assert list(rows) == [(901, "100 % O'Brien \\ \u00fc")]
    assert (same, none) == (1, 0)
    assert [row[0] for row in query(PRIVATE, "SELECT id FROM households")] == [household_id]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "values", "error"),
    [
        (_INSERT, (901, "again"), IntegrityError),
        (_INSERT, (902, None), IntegrityError),
        ("SELECT nothing FROM event_statuses", (), (OperationalError, ProgrammingError)),
    ],
)
def test_errors_of_a_statement_are_django_s(sql: str, values: Any, error: Any) -> None:
    execute(PRIVATE, _INSERT, 901, "here")

    with pytest.raises(error), transaction.atomic(using=PRIVATE):
        execute(PRIVATE, sql, *values)

    assert len(query(PRIVATE, "SELECT id FROM event_statuses WHERE id = 901")) == 1


@pytest.mark.django_db
def test_no_statement_runs_in_a_transaction_that_is_to_be_rolled_back() -> None:
    with transaction.atomic(using=PRIVATE):
        transaction.set_rollback(True, using=PRIVATE)
        with pytest.raises(TransactionManagementError):
            query(PRIVATE, "SELECT 1")


@pytest.mark.mariadb
@pytest.mark.real_commits
def test_connection_to_a_server_that_became_read_only_is_dropped(
    household: Any, own_public: Server
) -> None:
    """As after a failover: the old primary answers, but takes no writes."""
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}

    def book() -> tuple[int, bool]:
        answer = APIClient().post(
            "/api/v1/registrations/",
            body,
            headers={"Authorization": tokens.of_household(household)},
        )
        return answer.status_code, connections[PUBLIC].connection is None

    own_public.sql("SET GLOBAL read_only = 1")
    (refused,) = b.in_parallel(book)
    own_public.sql("SET GLOBAL read_only = 0")
    (booked,) = b.in_parallel(book)

    assert refused == (503, True)
    assert booked == (201, False)
    assert b.drift() == {}


@pytest.mark.mariadb
@pytest.mark.real_commits
def test_connection_that_the_server_ended_is_not_usable() -> None:
    connection = connections[PUBLIC].copy()
    connection.ensure_connection()

    was_usable = connection.is_usable()
    with connections[PUBLIC].cursor() as cursor:
        cursor.execute(f"KILL {connection.connection.thread_id()}")
    select.select([connection.connection.fileno()], [], [], 10)  # until the end arrives

    assert was_usable
    assert not connection.is_usable()
    connection.close()


def test_what_may_read_a_replica_cannot_decide(household: Any) -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(RuntimeError, match="under from_replica"):
        from_replica(b.register)(household, slot)
    b.register(household, slot)
    with pytest.raises(RuntimeError, match="under from_replica"):
        from_replica(call_command)("reconcile_reserved", fix=True, allowance=0)

    assert EventRegistration.objects.count() == 1
    assert b.reserved(slot) == 1


def test_an_error_of_another_database_is_not_taken_for_the_replicas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.settings, PUBLIC_READ, connections.settings[PUBLIC])
    asked = []

    @from_replica
    def read() -> None:
        asked.append(databases.public_for_reading())
        raise OperationalError

    for _ in range(2):
        with pytest.raises(OperationalError):
            read()
    del connections[PUBLIC_READ]

    assert asked == [PUBLIC_READ, PUBLIC_READ]
