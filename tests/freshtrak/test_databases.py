import select
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from freshtrak.databases import PUBLIC
from tests.support import booking as b
from tests.support import factories, tokens
from tools.with_mariadb import Server


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
