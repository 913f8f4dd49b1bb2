"""What must be true after every run, as plain SQL over both databases at rest tells it."""

from django.db import connections

from freshtrak.databases import PRIVATE
from tests.support import booking


class Violation(Exception):
    """A run broke a guarantee: there is no figure for it."""


def check(afterwards: dict[str, int]) -> None:
    """Settles; then the counters are exact, nothing is oversold, and every answer was true.

    `afterwards`: how many registrations of each status the callers were told of. Raises Violation.
    """
    try:
        booking.settle_all()
    except AssertionError as error:
        raise Violation(str(error)) from error
    found = {
        "drift": booking.drift(),
        "oversold": booking.oversold(),
        "ambiguous": booking.ambiguities(),
        "statuses": {} if (counts := _statuses()) == afterwards else (counts, afterwards),
    }
    if broken := {what: how for what, how in found.items() if how}:
        raise Violation(str(broken))


def _statuses() -> dict[str, int]:
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute(
            "SELECT s.name, COUNT(*) FROM event_registrations r"
            " JOIN event_statuses s ON s.id = r.event_status_id GROUP BY s.name"
        )
        return dict(cursor.fetchall())
