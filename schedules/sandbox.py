"""A local public database for the demo and the tests. Never PantryTrak's."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models

from freshtrak.databases import PUBLIC

_SQL = Path(__file__).parent / "sql"

# Columns that PantryTrak's tables require and this project never reads, with an empty value.
_UNREAD: dict[str, dict[str, str | int]] = {
    "events": {
        "service_zips": "",
        "last_schedule_mgmt_datekey": 0,
        "d_trend_month": "",
        "d_trend_week": "",
        **{f"sc_monthly_{size}": "" for size in (10, 15, 20, 25, 30, 35, 40)},
    },
    "event_dates": {
        "service_id": 0,
        "event_duration_hours": 0,
        "date_added": "2026-01-01 00:00:00",
        "added_by": 0,
        "last_update_by": 0,
    },
    "event_hours": {"reserved": 0, "added_by": 0, "last_update_by": 0},
    "event_slots": {"duration_minutes": 15, "added_by": 0, "last_update_by": 0},
}


def create_tables() -> None:
    """Creates the four tables in an empty public database.

    Raises ImproperlyConfigured if the database has any table, since it may be PantryTrak's.
    """
    connection = connections[PUBLIC]
    if tables := connection.introspection.table_names():
        raise ImproperlyConfigured(
            f"{connection.settings_dict['NAME']} already has tables ({', '.join(tables[:4])}). "
            "The demo creates its tables only in an empty database."
        )
    script = (_SQL / f"{connection.vendor}.sql").read_text()
    with connection.cursor() as cursor:
        for statement in connection.ops.prepare_sql_script(script):
            cursor.execute(statement)


def insert(row: models.Model) -> None:
    """Inserts a row of one of the four tables, filling the columns that the models leave out."""
    connection = connections[PUBLIC]
    values = {
        str(field.column): field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in row._meta.concrete_fields
        if getattr(row, field.attname) is not None
    } | _UNREAD[row._meta.db_table]
    names = ", ".join(connection.ops.quote_name(name) for name in values)
    marks = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {row._meta.db_table} ({names}) VALUES ({marks})",  # noqa: S608
            list(values.values()),
        )
        if row.pk is None:
            row.pk = cursor.lastrowid
