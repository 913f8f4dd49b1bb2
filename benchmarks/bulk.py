"""Rows by the million: MariaDB's sequences instead of one statement per row."""

from django.db import connections, models

from freshtrak.databases import PUBLIC


def copy(row: models.Model, count: int, values: dict[str, str]) -> None:
    """Adds rows 2 to `count` of a public table, like its first except for the key and `values`.

    Values are SQL expressions over `seq`, the number of the row. The key of `row` must be 1.
    """
    meta = row._meta
    assert meta.pk
    assert row.pk == 1
    key = meta.pk.column
    with connections[PUBLIC].cursor() as cursor:
        cursor.execute(f"SHOW COLUMNS FROM {meta.db_table}")
        columns = [column[0] for column in cursor.fetchall()]
        chosen = [{key: "seq", **values}.get(name, f"first.{name}") for name in columns]
        cursor.execute(
            f"INSERT INTO {meta.db_table} ({', '.join(columns)}) SELECT {', '.join(chosen)}"
            f" FROM {meta.db_table} first JOIN seq_1_to_{count} WHERE first.{key} = 1 AND seq > 1"
        )


def insert(alias: str, table: str, count: int, **values: str | int) -> None:
    """Adds `count` rows; values are SQL expressions over `seq`, which counts from 1."""
    chosen = ", ".join(str(value) for value in values.values())
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) SELECT {chosen} FROM seq_1_to_{count}"
        )
