import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from io import StringIO
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from registrations.errors import Busy
from registrations.management.operators import OperatorCommand
from registrations.queries.counts import Scope
from registrations.services import reconciliation
from registrations.services.reconciliation import Drift

COLUMNS = ("event_date_id", "event_slot_id", "capacity", "reserved", "counted", "drift")
SHOWN = 200
"""Rows of the table for people; --json has them all."""


class Command(OperatorCommand):
    help = (
        "Compares `reserved` of every slot and date with the registrations that hold a place. "
        "--check writes nothing and exits 1 on drift; --fix makes the counters right, also for the "
        "first time. Right under live traffic; can be stopped and started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="say what has drifted")
        what.add_argument("--fix", action="store_true", help="and make it right")
        parser.add_argument("--event-id", type=int, metavar="N", help="only this event")
        parser.add_argument("--date-from", type=_day, metavar="D", help="only from this day on")
        parser.add_argument("--date-to", type=_day, metavar="D", help="only up to this day")
        parser.add_argument(
            "--allowance", type=_amount, default=0, metavar="N",
            help="places of each slot that other systems may hold: up to so many are no drift",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON array, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = Scope(options["event_id"], options["date_from"], options["date_to"])
        people = Console(stderr=True)
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            console=people, transient=True, disable=not people.is_terminal,
        )  # fmt: skip
        with bar:
            total = scope.slots().count() + scope.dates().count() if people.is_terminal else None
            task = bar.add_task("counters", total=total)
            drifts = reconciliation.reconcile(
                scope,
                fix=options["fix"],
                allowance=options["allowance"],
                progress=lambda done: bar.advance(task, done),
            )
            try:
                count = (
                    self._as_json(drifts) if options["json"] else self._as_table(drifts, options)
                )
            except Busy as error:
                raise CommandError(
                    "Others keep rows locked. What was done so far stays; run it again.",
                    returncode=2,
                ) from error
        if options["check"] and count:
            sys.exit(1)

    def _as_json(self, drifts: Iterator[Drift]) -> int:
        """One array, row by row: a million of them need no memory."""
        count = 0
        self.stdout.write("[", ending="")
        for count, drift in enumerate(drifts, start=1):
            row = json.dumps({column: getattr(drift, column) for column in COLUMNS})
            self.stdout.write(row if count == 1 else f",\n{row}", ending="")
        self.stdout.write("]")
        return count

    def _as_table(self, drifts: Iterator[Drift], options: dict[str, Any]) -> int:
        table = Table("date", "slot", "capacity", "reserved", "counted", "drift", "why")
        count = 0
        for count, drift in enumerate(drifts, start=1):
            if count <= SHOWN:
                values = (getattr(drift, column) for column in COLUMNS)
                cells = ("-" if value is None else str(value) for value in values)
                table.add_row(*cells, _why(drift))
        if count:
            drawn = StringIO()
            Console(file=drawn, width=110).print(table)
            self.stdout.write(drawn.getvalue())
        if count > SHOWN:
            self.stdout.write(f"and {count - SHOWN} more: --json lists them all")
        done = "fixed" if options["fix"] else "drifted"
        self.stdout.write(f"{count} {done}" if count else "No drift.")
        return count


def _why(drift: Drift) -> str:
    if drift.unsettled:
        return "a process died there: settle"
    if drift.ambiguous:
        return f"{drift.ambiguous} ambiguous event{'s' if drift.ambiguous > 1 else ''}"
    return "not known: another system, or a restored backup"


def _day(given: str) -> date:
    return date.fromisoformat(given)


def _amount(given: str) -> int:
    if (amount := int(given)) < 0:
        raise ValueError(given)
    return amount
