"""The two databases by name. Nothing else in the project spells an alias."""

from django.db import connections

PRIVATE = "default"
"""freshtrak_private: ours to migrate; registrations, audit, and Django's own tables."""

PUBLIC = "freshtrak_public"
"""freshtrak_public: PantryTrak's; four tables to read, two counters to keep."""

SERVER_READ_ONLY = 1290
READ_ONLY = {SERVER_READ_ONLY, 1836}
"""MySQL's errors for a write to a server that takes none."""


def leave_read_only_server(error: BaseException) -> None:
    """Drops the connections if a server has become read-only under them.

    After a failover the old primary may still answer: the next request connects anew, and finds
    who is primary now.
    """
    if error.args and error.args[0] in READ_ONLY:
        connections.close_all()
