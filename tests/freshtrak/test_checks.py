"""What the checks find on real servers, and that they say what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections

from freshtrak.databases import PRIVATE, PUBLIC
from tests.support import booking
from tools.with_mariadb import Server

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]


def _found(alias: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for message in run_checks(databases=[alias], tags=["database"]):
        if str(message.id).startswith("freshtrak."):
            assert message.hint
            found.setdefault(str(message.id)[10:], []).append(message.msg)
    return found


def _sql(alias: str, sql: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def production() -> Iterator[None]:
    """The public connection has production's grants."""
    booking.with_production_grants()
    yield
    connection: Any = connections[PUBLIC]
    connection.close()
    connection.settings_dict = {**connection.settings_dict, "USER": "owner", "PASSWORD": "owner"}


def test_nothing_to_say_with_production_grants(production: None) -> None:
    assert _found(PUBLIC) == {}
    assert set(_found(PRIVATE)) <= {"W010"}  # the tests' servers have no time zones


def test_grants_that_are_wider_than_needed() -> None:
    (widths,) = _found(PUBLIC).values()

    assert len(widths) == 6
    assert any("DELETE on event_slots" in said for said in widths)


def test_grants_that_do_not_suffice(production: None) -> None:
    database = connections[PUBLIC].settings_dict["NAME"]
    connections[PUBLIC].close()
    connections[PUBLIC].settings_dict.update(USER="owner", PASSWORD="owner")
    revoke = f"UPDATE (reserved, last_update) ON {database}.event_slots"
    _sql(PUBLIC, f"REVOKE {revoke} FROM booking@'127.0.0.1'")
    try:
        booking.with_production_grants()
        assert list(_found(PUBLIC)) == ["E003"]
    finally:
        connections[PUBLIC].close()
        connections[PUBLIC].settings_dict.update(USER="owner", PASSWORD="owner")
        _sql(PUBLIC, f"GRANT {revoke} TO booking@'127.0.0.1'")


def test_a_column_of_another_type_or_gone() -> None:
    _sql(PUBLIC, "ALTER TABLE event_slots CHANGE reserved reserved_ varchar(9) NOT NULL")
    try:
        (said,) = _found(PUBLIC)["E002"]
        assert "event_slots.reserved is missing" in said
    finally:
        _sql(PUBLIC, "ALTER TABLE event_slots CHANGE reserved_ reserved int NOT NULL")


def test_sessions_engines_and_letters() -> None:
    _sql(PRIVATE, "SET SESSION innodb_lock_wait_timeout = 50")
    _sql(PRIVATE, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    _sql(PRIVATE, "CREATE TABLE odd (id int) ENGINE = MyISAM")
    database = connections[PRIVATE].settings_dict["NAME"]
    _sql(PRIVATE, f"ALTER DATABASE {database} CHARACTER SET latin1")
    try:
        assert {"W005", "W006", "E007", "W009"} <= set(_found(PRIVATE))
    finally:
        _sql(PRIVATE, "DROP TABLE odd")
        _sql(PRIVATE, f"ALTER DATABASE {database} CHARACTER SET utf8mb4")
        connections[PRIVATE].close()


def test_a_server_that_may_lose_what_it_committed(own_public: Server) -> None:
    own_public.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")

    assert "W011" in _found(PUBLIC)


def test_a_server_that_does_not_answer() -> None:
    connection = connections[PUBLIC]
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = 1
    try:
        assert list(_found(PUBLIC)) == ["E001"]
    finally:
        connection.settings_dict["PORT"] = port
