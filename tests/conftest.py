"""The tests' databases: real ones, and never any but test databases.

On MariaDB the test process is the owner of both servers' test databases; threads that race, child
processes and the served application use `booking`, who holds production's grants on public.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connections
from rest_framework.test import APIClient
from xdist.scheduler import LoadScopeScheduling

from freshtrak import rates
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import EventStatus, Status
from registrations.queries import statuses
from schedules import sandbox
from tests.support import factories, public_guard, served
from tools.with_mariadb import Server, server

BOTH = [PRIVATE, PUBLIC]
TOGETHER = ("tests/test_outages.py", "tests/browser/")
"""Files whose tests share servers or a browser of their own: each runs on one worker."""
TABLES = ("events", "event_dates", "event_hours", "event_slots")

GRANTS = [
    "CREATE USER IF NOT EXISTS booking@'127.0.0.1' IDENTIFIED BY 'booking'",
    *(f"GRANT SELECT ON {{database}}.{table} TO booking@'127.0.0.1'" for table in TABLES),
    "GRANT UPDATE (reserved, last_update) ON {database}.event_slots TO booking@'127.0.0.1'",
    "GRANT UPDATE (reserved, last_update) ON {database}.event_dates TO booking@'127.0.0.1'",
]


def on_mariadb() -> bool:
    return connections[PRIVATE].vendor == "mysql"


def pytest_configure() -> None:
    public_guard.install()


def pytest_report_header() -> str:
    return f"databases: {connections[PRIVATE].vendor} and {connections[PUBLIC].vendor}"


@pytest.hookimpl(tryfirst=True)  # before pytest-django puts those that commit behind the others
def pytest_collection_modifyitems(config: Any, items: list[pytest.Item]) -> None:
    """Every test has both databases. Those that only MariaDB can answer run there; those on which
    the engine has no influence run once, in the SQLite half."""
    for item in items:
        if item.get_closest_marker("real_commits"):
            item.add_marker(pytest.mark.django_db(databases=BOTH, transaction=True))
        else:
            item.add_marker(pytest.mark.django_db(databases=BOTH))
    other_half = "one_engine" if on_mariadb() else "mariadb"
    elsewhere = [item for item in items if item.get_closest_marker(other_half)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    # The longest first: none of them is left over for one worker at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


class Scheduler(LoadScopeScheduling):
    """Any worker takes the next test; but those that share something dear stay together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith(TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)  # without xdist there is none to make
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Scheduler:
    return Scheduler(config, log)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        create_public(connections[PUBLIC])


def create_public(connection: Any) -> None:
    """PantryTrak's tables in an empty test database, and production's grants on them."""
    database = str(connection.settings_dict["NAME"])
    assert Path(database).name.startswith("test_"), f"{database} is no test database"
    sandbox.create_tables()
    if on_mariadb():
        with connection.cursor() as cursor:
            for grant in GRANTS:
                cursor.execute(grant.format(database=database))


@pytest.fixture
def own_public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A public server of the test's own: what is set there, the other workers do not meet."""
    connection = connections[PUBLIC]
    name = connection.settings_dict["NAME"]
    with server(tmp_path / "public", name) as own, monkeypatch.context() as patch:
        connection.close()
        # A test may have given this thread's connection settings apart from those of new threads.
        patch.setitem(connection.settings_dict, "PORT", own.port)
        patch.setitem(connections.settings[PUBLIC], "PORT", own.port)
        create_public(connection)
        yield own
        connection.close()


@pytest.fixture(autouse=True)
def _clean_after_real_commits(request: pytest.FixtureRequest) -> Iterator[None]:
    """Real commits stay: afterwards public is emptied, and the flushed statuses come back."""
    yield
    if not request.node.get_closest_marker("real_commits"):
        return
    with connections[PUBLIC].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")


@pytest.fixture(autouse=True)
def _only_counters_write_to_public() -> Iterator[None]:
    public_guard.take_refused()
    yield
    assert public_guard.take_refused() == []


@pytest.fixture(autouse=True)
def _statuses(db: None) -> None:
    statuses.forget()  # each test has rows of its own, and some their own ids
    if not EventStatus.objects.exists():
        EventStatus.objects.bulk_create(EventStatus(name=status) for status in Status)


@pytest.fixture(autouse=True)
def _ordinary_day(request: pytest.FixtureRequest) -> Iterator[None]:
    """No midnight and no 29 February falls into a test. One that commits shares the real clock
    with other processes."""
    if request.node.get_closest_marker("real_commits"):
        yield
    else:
        with time_machine.travel(factories.NOON, tick=True):
            yield


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    rates.counts.clear()  # on an ordinary day all tests take place in the same minutes


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.support.desk.CheapHasher"]


@pytest.fixture
def household() -> Any:
    return factories.HouseholdFactory()


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.fixture(scope="session")
def service(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """The service over real HTTP, for tests marked `real_commits`."""
    with django_db_blocker.unblock(), served.serve() as running:
        yield running
