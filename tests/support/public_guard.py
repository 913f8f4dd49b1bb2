"""Only `schedules.counters` writes to public: any other write by the project fails its test.

The guard covers each connection to public that this process opens, in threads too. It refuses the
statement, and also records it, because the code under test may catch the error.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

from freshtrak.databases import PUBLIC

PROJECT = {"freshtrak", "schedules", "registrations", "audit", "tests"}
WRITERS = {Path("schedules/counters.py"), Path("schedules/sandbox.py")}
# They execute SQL for others: their caller is the author.
COURIERS = {Path("freshtrak/databases.py"), Path("tests/support/public_guard.py")}
# Anything not listed counts as a write, so that no kind of write is forgotten.
READS = ("SELECT", "SHOW", "EXPLAIN", "PRAGMA", "SET", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")

refused: list[str] = []
"""Who tried to write what, until `take_refused`."""


def install() -> None:
    connection_created.connect(_watch, dispatch_uid="public_guard")


def take_refused() -> list[str]:
    taken = refused[:]
    refused.clear()
    return taken


def _watch(connection: Any, **_: Any) -> None:
    if connection.alias == PUBLIC and _guard not in connection.execute_wrappers:
        # First, because a block of `execute_wrapper` removes the last one when it ends.
        connection.execute_wrappers.insert(0, _guard)


def _guard(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if not sql.lstrip().upper().startswith(READS):
        author = _author(sys._getframe())
        if author not in WRITERS and author.parts[:1] != ("tests",):
            refused.append(f"{author}: {sql}")
            raise AssertionError(f"{author} writes to public: {sql}")
    return execute(sql, params, many, context)


def _author(frame: FrameType | None) -> Path:
    """The project's file that issued the statement: the innermost one on the stack."""
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(settings.BASE_DIR):
            relative = path.relative_to(settings.BASE_DIR)
            if relative.parts[0] in PROJECT and relative not in COURIERS:
                return relative
        frame = frame.f_back
    return Path("code outside the project")
