"""A real replica of public answers the reads of schedules; its lag and its death decide nothing.

Public and its replica are servers of the test's own; the replica's user may only SELECT.
"""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from freshtrak import databases
from freshtrak.databases import PUBLIC, PUBLIC_READ
from registrations.models import Household
from schedules.models import EventSlot
from tests.conftest import TABLES
from tests.support import booking as b
from tests.support import factories, served, tokens
from tools.with_mariadb import Server, on_mysql, server

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.real_commits,
    pytest.mark.skipif(on_mysql(), reason="replication is set up in MariaDB's words"),
]

API = "/api/v1"


@dataclass
class Replica:
    server: Server
    primary: Server
    database: str

    def lag(self) -> None:
        """Shows all that public has now; whatever happens to public later it does not show."""
        self.catch_up()
        self.server.sql("STOP SLAVE SQL_THREAD")

    def catch_up(self) -> None:
        """Replicates again, until it shows all that public has now."""
        self.server.sql("START SLAVE")
        position = self.primary.sql("SELECT @@gtid_binlog_pos").strip()
        assert self.server.sql(f"SELECT MASTER_GTID_WAIT('{position}', 30)") == "0\n"

    def on_primary(self, sql: str) -> None:
        """What another system does to public."""
        self.primary.sql(f"USE {self.database}; {sql}")

    def on_replica(self, sql: str) -> None:
        self.server.sql(f"USE {self.database}; {sql}")


@pytest.fixture
def replica(
    own_public: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Replica]:
    database = connections[PUBLIC].settings_dict["NAME"]
    own_public.sql("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader'")
    for table in TABLES:
        own_public.sql(f"GRANT SELECT ON {database}.{table} TO reader@'127.0.0.1'")
    with server(tmp_path / "replica", database, "--server-id=2", "--read-only") as copy:
        # What every new server has, it now gets from its primary instead.
        copy.sql(f"DROP DATABASE {database}; DROP USER owner@'127.0.0.1'")
        copy.sql(
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {own_public.port},"
            " MASTER_USER = 'owner', MASTER_PASSWORD = 'owner', MASTER_USE_GTID = slave_pos"
        )
        # Under an alias that Django does not know: it allows no others than the test's mark names.
        connection = connections[PUBLIC].copy("replica")
        reader = {"PORT": copy.port, "USER": "reader", "PASSWORD": "reader"}
        connection.settings_dict.update(reader)
        connection.settings_dict["OPTIONS"].update(connect_timeout=1, read_timeout=1)
        connections[PUBLIC_READ] = connection
        monkeypatch.setitem(connections.settings, PUBLIC_READ, connection.settings_dict)
        monkeypatch.setattr(databases, "_next_try", 0.0)
        started = Replica(copy, own_public, database)
        started.catch_up()
        yield started
        connection.close()
        del connections[PUBLIC_READ]


def _available(slot: EventSlot) -> int:
    """The free places that a visitor sees."""
    answer = APIClient().get(f"{API}/event-slots/{slot.pk}/")
    assert answer.status_code == 200
    return int(answer.json()["available"])


def _book(household: Household, slot: EventSlot) -> Any:
    return APIClient().post(
        f"{API}/registrations/",
        {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]},
        headers={"Authorization": tokens.of_household(household)},
    )


def test_every_schedule_is_read_from_the_replica(replica: Replica) -> None:
    slot = factories.EventSlotFactory()
    day = slot.event_hour.event_date
    paths = (
        "events/",
        f"events/{day.event_id}/",
        "event-dates/",
        f"event-dates/{day.pk}/",
        f"event-slots/{slot.pk}/",
    )

    def answers() -> dict[str, object]:
        return {path: APIClient().get(f"{API}/{path}").json() for path in paths}

    replica.lag()
    before = answers()
    replica.on_primary("UPDATE events SET event_name = 'New'; UPDATE event_slots SET capacity = 5")
    lagging = answers()
    replica.catch_up()
    after = answers()

    assert lagging == before
    assert [path for path in paths if after[path] == before[path]] == []


def test_a_place_that_only_the_replica_shows_is_not_given(household: Any, replica: Replica) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    replica.lag()
    replica.on_primary("UPDATE event_slots SET reserved = 1")

    seen = _available(slot)
    booked = _book(household, slot)

    assert seen == 1
    assert (booked.status_code, booked.json()["status"]) == (201, "waitlisted")
    assert b.drift({slot.pk: 1}) == {}


def test_a_place_that_the_replica_does_not_show_is_given(household: Any, replica: Replica) -> None:
    slot = factories.EventSlotFactory(capacity=1, reserved=1)
    replica.lag()
    replica.on_primary("UPDATE event_slots SET reserved = 0")

    seen = _available(slot)
    booked = _book(household, slot)

    assert seen == 0
    assert (booked.status_code, booked.json()["status"]) == (201, "confirmed")
    assert b.drift() == {}


def test_a_date_that_only_the_replica_shows_open_is_closed(
    household: Any, replica: Replica
) -> None:
    slot = factories.EventSlotFactory()
    replica.lag()
    replica.on_primary("UPDATE event_dates SET accept_reservations = 0")

    seen = APIClient().get(f"{API}/event-slots/{slot.pk}/").json()["open"]
    refused = _book(household, slot)

    assert seen is True
    assert refused.status_code == 409


def test_the_replica_shows_a_booking_as_soon_as_it_has_it(household: Any, replica: Replica) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    replica.catch_up()
    seen = _available(slot)

    assert _book(household, slot).status_code == 201
    replica.catch_up()

    assert (seen, _available(slot)) == (1, 0)


OUTAGES: dict[str, Callable[[Replica], None]] = {
    "killed": lambda replica: replica.server.stop(signal.SIGKILL),
    "frozen": lambda replica: replica.server.process.send_signal(signal.SIGSTOP),
    "without a grant": lambda replica: replica.on_replica(
        "REVOKE SELECT ON event_slots FROM reader@'127.0.0.1'"
    ),
}


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("is_connected", [True, False])
def test_the_primary_answers_for_a_replica_that_does_not(
    replica: Replica, outage: str, is_connected: bool
) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    replica.lag()
    replica.on_primary("UPDATE event_slots SET capacity = 5")
    if is_connected:
        assert _available(slot) == 1

    OUTAGES[outage](replica)
    try:
        with capture_logs() as logged:
            seen = [_available(slot) for _ in range(3)]
            ready = APIClient().get("/readyz")
    finally:
        replica.server.process.send_signal(signal.SIGCONT)

    assert seen == [5, 5, 5]
    assert ready.status_code == 200
    assert [line["event"] for line in logged].count("replica_unavailable") == 1


def test_a_replica_that_answers_again_is_read_again(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    replica.lag()
    replica.on_primary("UPDATE event_slots SET capacity = 5")
    replica.server.options += ("--skip-slave-start",)

    replica.server.stop(signal.SIGKILL)
    down = _available(slot)
    replica.server.start()
    resting = _available(slot)
    monkeypatch.setattr(databases, "_next_try", time.monotonic())

    assert (down, resting) == (5, 5)
    assert [_available(slot) for _ in range(2)] == [1, 1]


def test_the_service_finds_its_replica_in_the_environment(replica: Replica) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    path = f"{API}/event-slots/{slot.pk}/"
    replica.lag()
    replica.on_primary("UPDATE event_slots SET capacity = 5")
    address = f"127.0.0.1:{replica.server.port}/{replica.database}"

    with served.serve(PUBLIC_READ_URL=f"mysql://reader:reader@{address}") as service:
        lagging = service.request("GET", path)
        replica.server.stop(signal.SIGKILL)
        orphaned = service.request("GET", path)

    assert (lagging.status, lagging.body["available"]) == (200, 1)
    assert (orphaned.status, orphaned.body["available"]) == (200, 5)


def test_the_check_wants_no_more_than_select(replica: Replica) -> None:
    def findings() -> list[str | None]:
        found = run_checks(databases=[PUBLIC_READ], tags=["database"])
        return [message.id for message in found if str(message.id).startswith("freshtrak.")]

    sufficient = findings()
    replica.on_replica("REVOKE SELECT ON event_hours FROM reader@'127.0.0.1'")
    missing = findings()

    assert sufficient == []
    assert set(missing) == {"freshtrak.E002"}
