"""Django's MySQL backend with fewer round trips: two less for each transaction, one for a request.

And with fewer layers around the statements of `freshtrak.databases`.

An upgrade of Django may change what this builds on: docs/architecture.md.
"""

import select
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, OperationalError
from django.db.backends.mysql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def _start_transaction_under_autocommit(self) -> None:
        """Begins a transaction with BEGIN, where Django sends SET autocommit before and after it.

        `Atomic` calls this hook if it is there.
        """
        self.run("BEGIN")

    def run(
        self, sql: str, values: Sequence[object] = ()
    ) -> tuple[Sequence[tuple[Any, ...]], int, int]:
        """Runs one statement without a cursor. Raises what `cursor().execute()` raises.

        Returns the rows, how many rows it matched, and the id of an inserted row.
        """
        self.close_if_health_check_failed()
        if self.connection is None:
            self.ensure_connection()
        self.validate_no_broken_transaction()
        try:
            with self.wrap_database_errors:
                connection = self.connection
                connection.query(sql.encode() % tuple(map(connection.literal, values)))
                result = connection.store_result()
                rows = result.fetch_row(0) if result else ()
                return rows, connection.affected_rows(), connection.insert_id()
        except OperationalError as error:
            if error.args[0] in base.CursorWrapper.codes_for_integrityerror:
                raise IntegrityError(*error.args) from error
            raise

    def is_usable(self) -> bool:
        """Whether the connection can be used. Pings only if there is reason to doubt it.

        The server owes nothing between two requests. If there is something to read all the same,
        it has probably closed the connection.
        """
        if self.errors_occurred or self._has_something_to_read():
            return bool(super().is_usable())
        return True

    def _has_something_to_read(self) -> bool:
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
