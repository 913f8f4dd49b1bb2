"""The rows of `event_statuses`: which names an installation gives to the five statuses.

Every booking needs their ids and hardly anybody ever changes them, so each process keeps them for
a few seconds.
"""

import time

from registrations.models import EventStatus, Status

KEPT_SECONDS = 10.0

_rows: dict[int, EventStatus] = {}
_read_at = float("-inf")


def rows() -> dict[int, EventStatus]:
    """Every row by its id, the oldest first."""
    global _rows, _read_at
    if time.monotonic() - _read_at > KEPT_SECONDS:
        _rows = {row.pk: row for row in EventStatus.objects.order_by("pk")}
        _read_at = time.monotonic()
    return _rows


def row(status_id: int | None) -> EventStatus | None:
    """The row with this id; None for a registration that has no status."""
    if status_id is not None and status_id not in rows():
        forget()  # it was added since
    return rows().get(status_id or 0)


def forget() -> None:
    """Has the rows read anew: one that was kept no longer stands in the table."""
    global _read_at
    _read_at = float("-inf")


def rows_meaning(*statuses: Status) -> list[EventStatus]:
    """The rows that mean one of these statuses, however spelt, the oldest first."""
    return [row for row in rows().values() if row.status in statuses]


def row_for(status: Status) -> EventStatus:
    """The row to write for a status: the oldest that means it."""
    return rows_meaning(status)[0]
