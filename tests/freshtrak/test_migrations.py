"""A fresh database and an adopted one end up with the same schema; adoption loses no row."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections, models, transaction
from django.utils import timezone

from freshtrak.databases import PRIVATE
from registrations.migrations import __path__ as migrations_path
from registrations.models import EventRegistration, EventStatus, Household
from tests.support import factories

TABLES = [
    "households",
    "household_members",
    "event_statuses",
    "event_registrations",
    "event_registration_members",
    "idempotency_records",
    "audit_events",
    "household_profiles",
    "staff_notes",
]


def _existing_ddl() -> str:
    """The tables of an installation from before this service, as its database shows them."""
    from importlib import import_module

    ddl: str = import_module("registrations.migrations.0001_existing_tables").MYSQL
    assert migrations_path
    return ddl.replace(" IF NOT EXISTS", "")


@pytest.fixture
def other_database() -> Iterator[Any]:
    """An empty database on the private server, under the alias of the private one."""
    connection = connections[PRIVATE]
    name = connection.settings_dict["NAME"]
    other = f"{name}_adopted"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {other} CHARACTER SET utf8mb4")
    connection.close()
    connection.settings_dict["NAME"] = other
    try:
        yield connection
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {other}")
        connection.close()
        connection.settings_dict["NAME"] = name


def _schema(connection: Any) -> dict[str, str]:
    schema = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SHOW CREATE TABLE {table}")
            ddl = cursor.fetchone()[1]
            schema[table] = ddl.split("AUTO_INCREMENT=")[0].split(") ENGINE")[0]
    return schema


def fill(connection: Any, slot: int, gone: int) -> None:
    """The tables of an installation from before this service, with rows of every kind."""
    stamps = "1, 1, '2020-01-01', '2020-01-01'"
    with connection.cursor() as cursor:
        for statement in connection.ops.prepare_sql_script(_existing_ddl()):
            cursor.execute(statement)
        for name in ("Registered", "Cancelled", "Checked In"):
            cursor.execute(
                "INSERT INTO event_statuses (name, added_by, last_updated_by, created_at,"
                f" updated_at) VALUES (%s, {stamps})",
                [name],
            )
        for n in (1, 2, 3):
            cursor.execute(
                "INSERT INTO households (number, name, identification_code, added_by,"
                f" last_updated_by, created_at, updated_at) VALUES ({n}, 'H', 'C{n}', {stamps})"
            )
        for household, at, status in (
            (1, slot, 1),
            (2, slot, 2),
            (3, gone, 1),
            ("NULL", slot, 1),
            ("NULL", slot, "NULL"),
        ):
            cursor.execute(
                "INSERT INTO event_registrations (household_id, event_slot_id, event_status_id,"
                " added_by, last_updated_by, created_at, updated_at)"
                f" VALUES ({household}, {at}, {status}, {stamps})"
            )


@pytest.mark.mariadb
@pytest.mark.real_commits
@pytest.mark.parametrize("option", [{}, {"fake_initial": True}])
def test_existing_installation_ends_up_with_the_fresh_schema(
    other_database: Any, option: dict[str, bool]
) -> None:
    fill(other_database, slot=5, gone=6)
    call_command("migrate", verbosity=0, **option)
    adopted = _schema(other_database)
    rows = list(EventRegistration.objects.order_by("pk").values_list("household_id", flat=True))
    names = list(EventStatus.objects.order_by("pk").values_list("name", flat=True))
    with other_database.cursor() as cursor:
        other = other_database.settings_dict["NAME"]
        cursor.execute(f"DROP DATABASE {other}")
        cursor.execute(f"CREATE DATABASE {other} CHARACTER SET utf8mb4")
    other_database.close()

    call_command("migrate", verbosity=0)

    assert adopted == _schema(other_database)
    assert rows == [1, 2, 3, None, None]
    assert names == ["Registered", "Cancelled", "Checked In", "confirmed", "waitlisted", "no_show"]


def _registration(household: Household, **values: Any) -> EventRegistration:
    return EventRegistration.objects.create(household=household, event_date_id=5, **values)


def test_database_allows_one_active_registration_per_household_and_date(
    household: Household,
) -> None:
    now = timezone.now()
    _registration(household, cancelled_at=now)
    _registration(household, cancelled_at=now)
    _registration(household)
    _registration(factories.HouseholdFactory())
    EventRegistration.objects.create(household=household, event_date_id=None)
    EventRegistration.objects.create(household=household, event_date_id=None)

    with pytest.raises(IntegrityError), transaction.atomic(using=PRIVATE):
        _registration(household)


def test_database_allows_each_attendee_once(household: Household) -> None:
    registration = _registration(household)
    member = household.members.get()
    registration.attendees.create(household_member=member)

    with pytest.raises(IntegrityError), transaction.atomic(using=PRIVATE):
        registration.attendees.create(household_member=member)


def test_database_refuses_a_cancelled_registration_that_waits(household: Household) -> None:
    now = timezone.now()

    with pytest.raises(IntegrityError), transaction.atomic(using=PRIVATE):
        _registration(household, cancelled_at=now, waitlisted_at=now)


def test_database_keeps_a_household_that_has_registrations(household: Household) -> None:
    registration = _registration(household)

    with pytest.raises(models.ProtectedError):
        household.delete()

    assert EventRegistration.objects.get() == registration
