import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from io import StringIO

from django.core.management.base import CommandError, OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from registrations.errors import Busy
from registrations.management.operators import OperatorCommand
from registrations.queries.counts import Scope
from registrations.services import reconciliation
from registrations.services.reconciliation import Drift
from registrations.services.redating import Misplaced

COLUMNS = ("event_date_id", "event_slot_id", "capacity", "reserved", "counted", "drift")
MAX_ROWS = 200
"""Rows in the table; --json lists all of them."""


class Command(OperatorCommand):
    help = (
        "Compares `reserved` of every slot and date, and our ledgers, with the registrations that "
        "hold a place; finds registrations whose slot now lies on another date. --check writes "
        "nothing and exits 1 on either. --fix corrects the counters and the dates, "
        "also on a new installation, and needs --allowance. Exact under live traffic; you can stop "
        "it and start it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="list what has drifted")
        what.add_argument("--fix", action="store_true", help="list it and correct it")
        parser.add_argument("--event-id", type=int, metavar="N", help="only this event")
        parser.add_argument("--date-from", type=_day, metavar="D", help="only from this day on")
        parser.add_argument("--date-to", type=_day, metavar="D", help="only up to this day")
        parser.add_argument(
            "--allowance",
            type=_amount,
            metavar="N",
            help="places per slot that other systems may hold without counting as drift "
            "(0 if no other system books)",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="print one JSON array and nothing else",
        )

    def handle(
        self,
        *,
        check: bool,
        fix: bool,
        event_id: int | None,
        date_from: date | None,
        date_to: date | None,
        allowance: int | None,
        as_json: bool,
        **options: object,
    ) -> None:
        if fix and allowance is None:
            raise CommandError(
                "--fix frees places that none of our registrations explains. Say how many places "
                "per slot other systems may hold: --allowance N (0 if no other system books).",
                returncode=2,
            )
        scope = Scope(event_id, date_from, date_to)
        output = _Json(self.stdout) if as_json else _Table(self.stdout, fix=fix)
        people = Console(stderr=True)
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=people,
            transient=True,
            disable=not people.is_terminal,
        )
        with bar:
            total = scope.slots().count() + scope.dates().count() if people.is_terminal else None
            task = bar.add_task("counters", total=total)
            try:
                reconciliation.reconcile(
                    scope,
                    fix=fix,
                    allowance=allowance or 0,
                    report=output.add,
                    report_misplaced=output.add_misplaced,
                    progress=lambda done: bar.advance(task, done),
                )
            except Busy as error:
                raise CommandError(
                    "Other operations keep rows locked. Work done so far is kept; run it again.",
                    returncode=2,
                ) from error
        output.close()
        if check and output.count:
            sys.exit(1)


class _Json:
    """One array, written entry by entry, so that a million entries need no memory."""

    def __init__(self, stdout: OutputWrapper) -> None:
        self.stdout, self.count = stdout, 0
        self.stdout.write("[", ending="")

    def add(self, drift: Drift) -> None:
        self.count += 1
        entry: dict[str, object] = {column: getattr(drift, column) for column in COLUMNS}
        if drift.ledger:
            entry["ledger"] = dict(zip(("holding", "waiting"), drift.ledger, strict=True))
        self._write(entry)

    def add_misplaced(self, found: Misplaced) -> None:
        self.count += 1
        self._write(asdict(found))

    def _write(self, entry: dict[str, object]) -> None:
        self.stdout.write(("" if self.count == 1 else ",\n") + json.dumps(entry), ending="")

    def close(self) -> None:
        self.stdout.write("]")


class _Table:
    """For people: the first rows, each with a likely cause."""

    def __init__(self, stdout: OutputWrapper, *, fix: bool) -> None:
        self.stdout, self.fix, self.count = stdout, fix, 0
        self.rows = 0
        self.table = Table("date", "slot", "capacity", "reserved", "counted", "drift", "why")

    def add(self, drift: Drift) -> None:
        self.count += 1
        self.rows += 1
        if self.rows <= MAX_ROWS:
            values = (getattr(drift, column) for column in COLUMNS)
            cells = ("-" if value is None else str(value) for value in values)
            self.table.add_row(*cells, _why(drift))

    def add_misplaced(self, found: Misplaced) -> None:
        self.count += 1
        where = f"slot {found.event_slot_id} lies on date {found.now_on} now"
        if found.blocked_by is not None:
            outcome = f"stays: the household has registration {found.blocked_by} there; cancel one"
        else:
            outcome = "is moved along" if self.fix else "--fix moves it along"
        whose = f"registration {found.registration_id} on date {found.event_date_id}"
        self.stdout.write(f"{whose}: {where}; {outcome}")

    def close(self) -> None:
        if not self.count:
            self.stdout.write("No drift.")
        if not self.rows:
            return
        drawn = StringIO()
        Console(file=drawn, width=110).print(self.table)
        self.stdout.write(drawn.getvalue())
        if self.rows > MAX_ROWS:
            self.stdout.write(f"and {self.rows - MAX_ROWS} more: --json lists all of them")
        self.stdout.write(f"{self.rows} {'fixed' if self.fix else 'drifted'}")


def _why(drift: Drift) -> str:
    if drift.unsettled:
        return "a process died: run settle"
    if drift.ledger:
        return f"the ledger says {drift.ledger[0]} hold and {drift.ledger[1]} wait"
    if drift.ambiguous:
        return f"{drift.ambiguous} ambiguous movement{'s' if drift.ambiguous > 1 else ''}"
    return "unknown: another system or a restored backup"


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _amount(text: str) -> int:
    if (amount := int(text)) < 0:
        raise ValueError(text)
    return amount
