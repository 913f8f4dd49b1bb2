"""What the checks report on real servers; each finding says what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections

from freshtrak.databases import PRIVATE, PUBLIC
from tests.support import booking
from tools.with_mariadb import Server

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]


def _findings(alias: str) -> dict[str, list[str]]:
    messages: dict[str, list[str]] = {}
    for message in run_checks(databases=[alias], tags=["database"]):
        if str(message.id).startswith("freshtrak."):
            assert message.hint
            messages.setdefault(str(message.id)[10:], []).append(message.msg)
    return messages


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


def test_production_grants_have_no_findings(production: None) -> None:
    assert _findings(PUBLIC) == {}
    assert set(_findings(PRIVATE)) <= {"W010"}  # the tests' servers have no time zones


def test_excess_grants_are_reported() -> None:
    (excess,) = _findings(PUBLIC).values()

    assert len(excess) == 6
    assert any("DELETE on event_slots" in message for message in excess)


def test_missing_grants_are_reported(production: None) -> None:
    database = connections[PUBLIC].settings_dict["NAME"]
    connections[PUBLIC].close()
    connections[PUBLIC].settings_dict.update(USER="owner", PASSWORD="owner")
    revoke = f"UPDATE (reserved, last_update) ON {database}.event_slots"
    _sql(PUBLIC, f"REVOKE {revoke} FROM booking@'127.0.0.1'")
    try:
        booking.with_production_grants()
        assert list(_findings(PUBLIC)) == ["E003"]
    finally:
        connections[PUBLIC].close()
        connections[PUBLIC].settings_dict.update(USER="owner", PASSWORD="owner")
        _sql(PUBLIC, f"GRANT {revoke} TO booking@'127.0.0.1'")


def test_a_missing_column_is_reported() -> None:
    _sql(PUBLIC, "ALTER TABLE event_slots CHANGE reserved reserved_ varchar(9) NOT NULL")
    try:
        (message,) = _findings(PUBLIC)["E002"]
        assert "event_slots.reserved is missing" in message
    finally:
        _sql(PUBLIC, "ALTER TABLE event_slots CHANGE reserved_ reserved int NOT NULL")


def test_sessions_engines_and_character_sets() -> None:
    _sql(PRIVATE, "SET SESSION innodb_lock_wait_timeout = 50")
    _sql(PRIVATE, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    _sql(PRIVATE, "CREATE TABLE odd (id int) ENGINE = MyISAM")
    database = connections[PRIVATE].settings_dict["NAME"]
    _sql(PRIVATE, f"ALTER DATABASE {database} CHARACTER SET latin1")
    try:
        assert {"W005", "W006", "E007", "W009"} <= set(_findings(PRIVATE))
    finally:
        _sql(PRIVATE, "DROP TABLE odd")
        _sql(PRIVATE, f"ALTER DATABASE {database} CHARACTER SET utf8mb4")
        connections[PRIVATE].close()


def test_a_server_that_may_lose_what_it_committed(own_public: Server) -> None:
    own_public.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")

    assert "W011" in _findings(PUBLIC)


def test_a_server_that_does_not_answer() -> None:
    connection = connections[PUBLIC]
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = 1
    try:
        assert list(_findings(PUBLIC)) == ["E001"]
    finally:
        connection.settings_dict["PORT"] = port
