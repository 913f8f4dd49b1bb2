"""The two databases by name. Nothing else in the project spells an alias."""

from django.db import connections

PRIVATE = "default"
"""freshtrak_private: ours to migrate; registrations, audit, and Django's own tables."""

PUBLIC = "freshtrak_public"
"""freshtrak_public: PantryTrak's; four tables to read, two counters to keep."""

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
    """Drops the connections that are no use any more after `error`; the next use makes new ones.

    Those to a server that has become read-only: after a failover the old primary may still answer.
    And one that broke right behind its COMMIT: Django leaves it between two transactions, where
    every later one in this thread would fail.
    """
    if error.args and error.args[0] in READ_ONLY:
        connections.close_all()
    for connection in connections.all(initialized_only=True):
        if not (connection.in_atomic_block or connection.autocommit):
            connection.close()
