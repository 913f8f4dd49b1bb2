"""The ledgers of targets: opened, locked, counted, marked.

The operation that holds a ledger decides about its target. A commit in flight holds it until the
private server is done, even if the process that sent it is dead.
"""

from collections.abc import Collection, Mapping, Sequence

from django.db.models import QuerySet

from freshtrak.databases import PRIVATE, SqlValue, execute, ids, query, row_lock
from registrations.errors import TryAgain
from registrations.models import Ledger, Pending, pending_columns
from registrations.queries import targets as target_queries
from schedules.targets import Kind, Target


class LedgerMissing(TryAgain):
    """These targets are used for the first time: open their ledgers first."""

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__(f"no ledger yet: {', '.join(map(str, targets))}")
        self.targets = targets


def lock(*targets: Target) -> dict[Target, Ledger]:
    """Locks the ledgers of `targets` until the private transaction ends.

    Prevents every race about a target: two bookings of the last place, a cancellation between
    reading the counter and joining the waitlist, and either of them while a commit is still in
    flight. It is the first statement of its transaction, and follows the order of locks. Raises
    LedgerMissing.
    """
    locked = lock_existing(targets)
    if missing := [target for target in targets if target not in locked]:
        raise LedgerMissing(missing)
    return locked


def lock_existing(targets: Collection[Target]) -> dict[Target, Ledger]:
    """Locks the ledgers of these targets in the order of locks; leaves out those not opened yet."""
    locked: dict[Target, Ledger] = {}
    for kind in Kind:
        target_ids = [target.id for target in targets if target.kind is kind]
        if not target_ids:
            continue
        for row in query(
            PRIVATE,
            f"SELECT {', '.join(Ledger.COLUMNS)} FROM ledgers WHERE kind = %s"  # noqa: S608
            f" AND target_id IN ({ids(target_ids)}) ORDER BY target_id {row_lock(PRIVATE)}",
            kind.value,
            *target_ids,
        ):
            ledger = Ledger.from_row(row)
            locked[ledger.target] = ledger
    return locked


def existing(kind: Kind, ids: Collection[int]) -> QuerySet[Ledger]:
    return Ledger.objects.filter(kind=kind, target_id__in=ids)


def with_pending() -> list[Ledger]:
    """The ledgers with a pending movement, oldest first."""
    return list(Ledger.objects.filter(pending_since__isnull=False).order_by("pending_since"))


def open_missing(targets: Collection[Target]) -> None:
    """Opens the ledgers of `targets` with the counts of their rows; existing ones stay as they are.

    If two processes do this at once, one insert wins. Either count is right: no operation can have
    changed a row in between, because it would have needed the ledger.
    """
    counted = target_queries.count_rows(targets)
    Ledger.objects.bulk_create(
        (
            Ledger(kind=target.kind, target_id=target.id, **counted[target]._asdict())
            for target in sorted(targets)
        ),
        ignore_conflicts=True,
    )


def write(ledger: Ledger, pending: Pending | None) -> None:
    """Writes a locked ledger as its next version, with its counts and what is pending now."""
    ledger.version += 1
    ledger.pending = pending
    counts = {
        "holding": ledger.holding,
        "waiting": ledger.waiting,
        "last_waitlisted_at": ledger.last_waitlisted_at,
        "ambiguous": ledger.ambiguous,
        "version": ledger.version,
    }
    _update(ledger, {**counts, **pending_columns(pending)})


def recount(locked: dict[Target, Ledger]) -> None:
    """Sets the counts of locked ledgers to what their rows say; what is pending stays pending."""
    for target, counts in target_queries.count_rows(locked).items():
        ledger = locked[target]
        ledger.holding, ledger.waiting = counts.holding, counts.waiting
        ledger.last_waitlisted_at = counts.last_waitlisted_at
        write(ledger, ledger.pending)


def mark_settled(ledger: Ledger) -> None:
    """Clears what is pending: its public commit is known."""
    _update(ledger, pending_columns(None), if_version=ledger.version)


def mark_refused(ledger: Ledger) -> None:
    """Notes that public did not take what is pending: the next operation need not find out."""
    _update(ledger, {"refused": True}, if_version=ledger.version)


def _update(
    ledger: Ledger, columns: Mapping[str, SqlValue], *, if_version: int | None = None
) -> None:
    """Updates the row; with `if_version`, only if no other operation has written it since.

    What is pending then belongs to the other operation, which has already judged ours.
    """
    assignments = ", ".join(f"{column} = %s" for column in columns)
    unchanged, version = ("", []) if if_version is None else (" AND version = %s", [if_version])
    execute(
        PRIVATE,
        f"UPDATE ledgers SET {assignments} WHERE kind = %s AND target_id = %s{unchanged}",  # noqa: S608
        *columns.values(),
        ledger.kind,
        ledger.target_id,
        *version,
    )


def is_pending(target: Target) -> bool:
    rows = Ledger.objects.filter(kind=target.kind, target_id=target.id)
    return rows.filter(pending_since__isnull=False).exists()
