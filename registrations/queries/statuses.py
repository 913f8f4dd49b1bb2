"""The rows of `event_statuses`: which names an installation gives to the five statuses.

Every booking needs their ids and hardly anybody ever changes them, so each process keeps them for
a few seconds.
"""

import time

from registrations.models import EventStatus, Status

KEPT_SECONDS = 10.0

_kept: tuple[float, dict[int, EventStatus]] = (float("-inf"), {})
"""When the rows were read, and the rows."""


def rows() -> dict[int, EventStatus]:
    """Every row by its id, the oldest first."""
    read_at, kept = _kept
    return kept if time.monotonic() - read_at < KEPT_SECONDS else _read()


def _read() -> dict[int, EventStatus]:
    global _kept
    began = time.monotonic()
    _kept = began, {row.pk: row for row in EventStatus.objects.order_by("pk")}
    return _kept[1]


def row(status_id: int | None) -> EventStatus | None:
    """The row with this id; None for a registration that has no status."""
    if status_id is None:
        return None
    return rows().get(status_id) or _read().get(status_id)  # it may have been added since


def forget() -> None:
    """Has the rows read anew: one that was kept no longer stands in the table."""
    global _kept
    _kept = (float("-inf"), {})


def rows_meaning(*statuses: Status) -> list[EventStatus]:
    """The rows that mean one of these statuses, however spelt, the oldest first.

    Read anew: who asks with ids that are gone finds nothing, and nobody notices.
    """
    return [row for row in _read().values() if row.status in statuses]


def row_for(status: Status) -> EventStatus:
    """The row to write for a status: the oldest that means it.

    May have been kept: the database refuses an id that is gone, and then the rows are read anew.
    """
    return next(row for row in rows().values() if row.status is status)
