"""Checks of the two database servers: `manage.py check --database default --database
freshtrak_public`, and `--database freshtrak_public_read` for a replica. Each finding says what to
do.

Privileges are checked with EXPLAIN, which needs those of the statement but does not run it.
"""

from collections.abc import Callable, Iterator, Sequence

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from freshtrak.databases import PRIVATE, PUBLIC, PUBLIC_READ, query

LONGEST_LOCK_WAIT = 10  # seconds; with MySQL's default of 50, one stuck row blocks every worker
CLOCKS_APART = 5  # seconds

KINDS = {
    "BooleanField": {"tinyint"},
    "CharField": {"varchar", "char", "text"},
    "DateTimeField": {"datetime", "timestamp"},
    "DecimalField": {"decimal"},
    "TextField": {"text", "mediumtext", "longtext", "varchar"},
}
INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}

REQUIRED_PRIVILEGES = {
    "SELECT": "SELECT * FROM {table}",
    "UPDATE (reserved, last_update)": "UPDATE {table} SET reserved = 1, last_update = NULL",
}
COUNTERS = ("event_slots", "event_dates")
EXCESS_PRIVILEGES = {
    "UPDATE of other columns": "UPDATE {table} SET capacity = 1",
    "INSERT": "INSERT INTO {table} (capacity) VALUES (1)",
    "DELETE": "DELETE FROM {table}",
}


@register(Tags.database)
def check_databases(databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """What is wrong with our two databases. Checks only those in `databases`, and only servers."""
    return [
        finding
        for alias in databases or []
        if alias in CHECKS and connections[alias].vendor == "mysql"
        for finding in _findings(alias)
    ]


def _findings(alias: str) -> Iterator[CheckMessage]:
    try:
        for check in CHECKS[alias]:
            yield from check(alias)
    except (DatabaseError, InterfaceError) as error:
        yield Error(
            f"{alias} does not answer: {error}",
            hint="Check its URL in the environment, and whether the server is running.",
            id="freshtrak.E001",
        )


def _columns(alias: str) -> Iterator[CheckMessage]:
    """Public has the columns we read, with the types we expect."""
    column_types = {
        (table, column): data_type
        for table, column, data_type in query(
            alias,
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = DATABASE()",
        )
    }
    for model in apps.get_app_config("schedules").get_models():
        for field in model._meta.local_concrete_fields:
            table, column = model._meta.db_table, str(field.column)
            data_type = column_types.get((table, column))
            expected = KINDS.get(field.get_internal_type(), INTEGERS)
            if data_type is None or data_type.lower() not in expected:
                as_ = "/".join(sorted(expected))
                yield Error(
                    f"{table}.{column} is {data_type or 'missing'}; the service expects {as_}.",
                    hint="Its URL or its grants are wrong, or PantryTrak changed the table.",
                    id="freshtrak.E002",
                )


def _privileges(alias: str) -> Iterator[CheckMessage]:
    """The grants on public are sufficient, and no wider than necessary."""
    tables = [model._meta.db_table for model in apps.get_app_config("schedules").get_models()]
    for table in tables:
        for privilege, statement in REQUIRED_PRIVILEGES.items():
            if privilege != "SELECT" and table not in COUNTERS:
                continue
            if not _has_privilege(alias, statement.format(table=table)):
                yield Error(
                    f"The user of {alias} lacks {privilege} on {table}.",
                    hint=f"GRANT {privilege} ON freshtrak_public.{table} TO that user.",
                    id="freshtrak.E003",
                )
        for privilege, statement in EXCESS_PRIVILEGES.items():
            if table in COUNTERS and _has_privilege(alias, statement.format(table=table)):
                yield Warning(
                    f"The user of {alias} has {privilege} on {table} but does not need it.",
                    hint="REVOKE it: another system owns the database. README lists the grants.",
                    id="freshtrak.W004",
                )


def _has_privilege(alias: str, statement: str) -> bool:
    try:
        query(alias, f"EXPLAIN {statement}")
    except DatabaseError as error:
        if error.args[0] in {1044, 1142, 1143}:  # denied: database, table, column
            return False
        raise
    return True


def _sessions(alias: str) -> Iterator[CheckMessage]:
    """Sessions read only committed data, and do not wait long for a lock."""
    names = "('tx_isolation', 'transaction_isolation')"
    level = query(alias, f"SHOW VARIABLES WHERE variable_name IN {names}")[0][1]
    if level != "READ-COMMITTED":
        yield Warning(
            f"Sessions of {alias} run at {level}.",
            hint="Remove isolation_level from the URL: the service sets READ COMMITTED itself.",
            id="freshtrak.W005",
        )
    wait = int(query(alias, "SELECT @@innodb_lock_wait_timeout")[0][0])
    if wait > LONGEST_LOCK_WAIT:
        yield Warning(
            f"Sessions of {alias} wait up to {wait} s for a lock.",
            hint=f"Set DATABASE_LOCK_WAIT to {LONGEST_LOCK_WAIT} or less.",
            id="freshtrak.W006",
        )


def _engines(alias: str) -> Iterator[CheckMessage]:
    """Every table we use has transactions and row locks."""
    wrong_engines = query(
        alias,
        "SELECT table_name, engine FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'",
    )
    for table, engine in wrong_engines:
        yield Error(
            f"{alias}.{table} uses {engine}, which has no transactions.",
            hint=f"ALTER TABLE {table} ENGINE = InnoDB.",
            id="freshtrak.E007",
        )


def _clock(alias: str) -> Iterator[CheckMessage]:
    server_time = query(alias, "SELECT UNIX_TIMESTAMP(SYSDATE(6))")[0][0]
    apart = abs(float(server_time) - timezone.now().timestamp())
    if apart > CLOCKS_APART:
        yield Warning(
            f"The clock of {alias} differs from ours by {apart:.0f} s.",
            hint="Synchronize both by NTP: booking hours go by ours, settling goes by theirs.",
            id="freshtrak.W008",
        )


def _durability(alias: str) -> Iterator[CheckMessage]:
    """Commits survive a crash, and timestamps prove what the protocol needs: docs/protocol.md."""
    flush = int(query(alias, "SELECT @@innodb_flush_log_at_trx_commit")[0][0])
    if flush != 1:
        yield Warning(
            f"{alias} may lose committed data (innodb_flush_log_at_trx_commit = {flush}).",
            hint="Set it to 1: a confirmed place must survive a crash of the server.",
            id="freshtrak.W011",
        )
    if query(alias, "SELECT SLEEP(0.01), SYSDATE(6) = NOW(6)")[0][1]:
        yield Warning(
            f"{alias} runs with --sysdate-is-now: its SYSDATE() can be older than the lock.",
            hint="Start the server without that option.",
            id="freshtrak.W012",
        )


def _characters(alias: str) -> Iterator[CheckMessage]:
    """Names can hold any letter. (Tables that migrate creates take the database's default.)"""
    (charset,) = query(
        alias,
        "SELECT default_character_set_name FROM information_schema.schemata"
        " WHERE schema_name = DATABASE()",
    )[0]
    if charset != "utf8mb4":
        yield Warning(
            f"New tables in {alias} use {charset}, which cannot store every name.",
            hint="Run ALTER DATABASE … CHARACTER SET utf8mb4 before migrate creates the tables.",
            id="freshtrak.W009",
        )


def _zones(alias: str) -> Iterator[CheckMessage]:
    zone = timezone.get_default_timezone_name()
    (converted,) = query(alias, "SELECT CONVERT_TZ('2026-01-01', 'UTC', %s)", zone)[0]
    if converted is None:
        yield Warning(
            f"{alias} does not know the time zone {zone}: SQL reports by day show NULL.",
            hint="Load them: mariadb-tzinfo-to-sql (or mysql_tzinfo_to_sql) /usr/share/zoneinfo.",
            id="freshtrak.W010",
        )


Check = Callable[[str], Iterator[CheckMessage]]
CHECKS: dict[str, list[Check]] = {
    PRIVATE: [_sessions, _engines, _clock, _durability, _characters, _zones],
    PUBLIC: [_columns, _privileges, _sessions, _engines, _clock, _durability],
    PUBLIC_READ: [_columns],
}
