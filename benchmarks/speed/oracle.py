"""What must be true after every run, checked in plain SQL on both databases at rest."""

from django.db import connections

from freshtrak.databases import PRIVATE
from tests.support import booking


class Violation(Exception):
    """A run broke a guarantee, so it gives no figure."""


def check(afterwards: dict[str, int]) -> None:
    """Settles; then counters must be exact, nothing oversold, and every answer true.

    `afterwards`: how many registrations have each status, going by the answers. Raises Violation.
    """
    try:
        booking.settle_all()
    except AssertionError as error:
        raise Violation(str(error)) from error
    findings = {
        "drift": booking.drift(),
        "oversold": booking.oversold(),
        "ambiguous": booking.ambiguities(),
        "statuses": {} if (counts := _statuses()) == afterwards else (counts, afterwards),
    }
    if broken := {name: finding for name, finding in findings.items() if finding}:
        raise Violation(str(broken))


def _statuses() -> dict[str, int]:
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute(
            "SELECT s.name, COUNT(*) FROM event_registrations r"
            " JOIN event_statuses s ON s.id = r.event_status_id GROUP BY s.name"
        )
        return dict(cursor.fetchall())
