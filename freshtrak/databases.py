"""The two databases by name, SQL by hand, and what an error of a database means.

The lowest layer: everything may import it, and nothing else in the project spells an alias.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar

import orjson
import structlog
from django.db import DatabaseError, InterfaceError, connections
from django.db.transaction import TransactionManagementError

PRIVATE = "default"
"""freshtrak_private: ours to migrate; registrations, audit, and Django's own tables."""

PUBLIC = "freshtrak_public"
"""freshtrak_public: PantryTrak's; four tables to read, two counters to keep."""

PUBLIC_READ = "freshtrak_public_read"
"""A replica of freshtrak_public, only if PUBLIC_READ_URL names one; see `from_replica`."""

log = structlog.get_logger(__name__)

# Reads that decide nothing --------------------------------------------------------------

P = ParamSpec("P")
R = TypeVar("R")

REPLICA_RESTS = 10.0
"""Seconds for which a process leaves a replica alone after it has failed."""

_next_try = 0.0
"""When to ask a replica that has failed again, by the monotonic clock; 0 while it answers."""

_reading: ContextVar[str | None] = ContextVar("reading", default=None)
"""Where schedules are read under `from_replica`; None everywhere else."""


def public_for_reading() -> str:
    """The database to read schedules from: the primary, except under `from_replica`."""
    return _reading.get() or PUBLIC


def from_replica(read: Callable[P, R]) -> Callable[P, R]:
    """Lets `read` take schedules from the replica, if there is one: they may be seconds old.

    `read` decides nothing: under it, `row_lock` raises RuntimeError. If the replica fails, the
    primary answers, and for REPLICA_RESTS seconds every other read of this process too.
    """

    @wraps(read)
    def answered(*args: P.args, **kwargs: P.kwargs) -> R:
        global _next_try
        if _may_ask_replica():
            try:
                with _reading_from(PUBLIC_READ):
                    result = read(*args, **kwargs)
                _next_try = 0.0
                return result
            except (DatabaseError, InterfaceError):
                if not connections[PUBLIC_READ].errors_occurred:
                    raise
                _next_try = time.monotonic() + REPLICA_RESTS
                log.warning("replica_unavailable", exc_info=True)
                connections[PUBLIC_READ].close()
        with _reading_from(PUBLIC):
            return read(*args, **kwargs)

    return answered


def _may_ask_replica() -> bool:
    global _next_try
    if PUBLIC_READ not in connections.settings or time.monotonic() < _next_try:
        return False
    if _next_try:  # only this thread finds out whether it answers again
        _next_try = time.monotonic() + REPLICA_RESTS
    return True


@contextmanager
def _reading_from(alias: str) -> Iterator[None]:
    token = _reading.set(alias)
    try:
        yield
    finally:
        _reading.reset(token)


# SQL by hand, where every booking passes ------------------------------------------------

SqlValue: TypeAlias = str | int | bool | datetime | dict[str, Any] | None
"""What a statement takes: datetimes are aware, a dict is for a JSON column."""

Row: TypeAlias = tuple[Any, ...]
"""One row, in the order of the statement's columns."""


def query(alias: str, sql: str, *values: SqlValue) -> Sequence[Row]:
    """The rows of a SELECT. Placeholders are `%s`; datetimes come back as `moment` reads them."""
    return _run(alias, sql, values).rows


def execute(alias: str, sql: str, *values: SqlValue) -> int:
    """Runs a statement that writes; returns how many rows it matched."""
    return _run(alias, sql, values).matched


def insert(alias: str, table: str, **values: SqlValue) -> int:
    """Inserts one row; returns the id that the database gave it."""
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
    return _run(alias, sql, values.values()).inserted_id


LOCKS_ROWS = True
"""False only in the control tests, which show what goes wrong without the locks."""


def row_lock(alias: str) -> str:
    """FOR UPDATE, where the database locks rows. (SQLite locks itself at BEGIN IMMEDIATE.)

    Raises TransactionManagementError outside a transaction, where a lock would end at once, and
    RuntimeError under `from_replica`: what locks a row is about to decide.
    """
    if _reading.get():
        raise RuntimeError(f"A row of {alias} is locked under from_replica, where nothing decides.")
    connection = connections[alias]
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"A row of {alias} is locked outside a transaction.")
    return "FOR UPDATE" if LOCKS_ROWS and connection.features.has_select_for_update else ""


def moment(value: datetime | str | None) -> datetime | None:
    """A DATETIME of a row, aware: both databases keep UTC, or a clock that is only compared."""
    if isinstance(value, str):  # an expression on SQLite
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value else None


def ids(values: Sequence[int]) -> str:
    """As many placeholders as there are ids, for `IN`. There must be at least one."""
    return ", ".join(["%s"] * len(values))


class Outcome(NamedTuple):
    """What became of a statement."""

    rows: Sequence[Row]
    matched: int
    inserted_id: int


def _run(alias: str, sql: str, values: Iterable[SqlValue]) -> Outcome:
    connection = connections[alias]
    adapted = [_adapted(value) for value in values]
    if connection.connection is None:
        connection.ensure_connection()  # only then is it certain who listens
    run = getattr(connection, "run", None)
    # freshtrak.mysql goes around the layers that only wrap, unless somebody listens there.
    if run and not (connection.execute_wrappers or connection.queries_logged):
        return Outcome(*run(sql, adapted))
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted)
        rows = cursor.fetchall() if cursor.description else ()
        return Outcome(rows, cursor.rowcount, cursor.lastrowid or 0)


def _adapted(value: SqlValue) -> str | int | None:
    if isinstance(value, datetime):  # both databases keep UTC
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return value


# What an error means --------------------------------------------------------------------

SERVER_READ_ONLY = 1290
READ_ONLY = {SERVER_READ_ONLY, 1836}
"""MySQL's errors for a write to a server that takes none."""

ROLLED_BACK = {1205, 1213, 1020}
"""MySQL's errors that roll back, and leave a row or transaction to be tried again: lock wait
timeout, deadlock (or certification, on Galera), a row changed under a snapshot."""


def is_rollback(error: BaseException) -> bool:
    """Whether the server itself says that it has rolled back, also at COMMIT."""
    return bool(error.args) and error.args[0] in ROLLED_BACK


def drop_unusable_connections(error: BaseException) -> None:
    """Closes the connections that are of no use after `error`; the next use opens new ones.

    Those to a server that has become read-only: after a failover the old primary may still answer.
    And those that broke outside a transaction, or right behind a COMMIT, where Django would keep
    them and every later transaction of this thread would fail.
    """
    if error.args and error.args[0] in READ_ONLY:
        connections.close_all()
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block or connection.connection is None:
            continue
        is_broken = connection.errors_occurred and not connection.is_usable()
        if is_broken or not connection.autocommit:
            connection.close()
