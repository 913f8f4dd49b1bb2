"""Shorthand for what most tests do, and the oracle that they check against."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from django.db import connections
from django.test.utils import CaptureQueriesContext

from audit import trail
from audit.models import AuditEvent
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import RegistrationError
from registrations.models import EventRegistration, Household, Ledger
from registrations.services import booking, settlement
from schedules.models import EventDate, EventSlot
from schedules.targets import Target

BY = trail.participant("7")
STAFF = trail.staff("99")


def target_of(row: EventSlot | EventDate) -> Target:
    return Target.slot(row.pk) if isinstance(row, EventSlot) else Target.date(row.pk)


def register(household: Household, target: EventSlot | EventDate, **options: Any) -> Any:
    """Books `target` for all members of `household`."""
    if "attendee_ids" not in options:
        members = household.members.order_by("pk")
        options["attendee_ids"] = list(members.values_list("pk", flat=True))
    arguments = {"household_id": household.pk, "by": BY, "target": target_of(target), **options}
    return booking.register(**arguments)


def cancel(registration: EventRegistration) -> EventRegistration:
    return booking.cancel(EventRegistration.objects.get(pk=registration.pk), by=BY)


def move(registration: EventRegistration, target: EventSlot | EventDate) -> EventRegistration:
    return booking.move(
        EventRegistration.objects.get(pk=registration.pk), by=BY, target=target_of(target)
    )


def status_of(registration: EventRegistration) -> str:
    return str(EventRegistration.objects.get(pk=registration.pk).event_status)


def reserved(row: EventSlot | EventDate) -> int:
    return type(row).objects.get(pk=row.pk).reserved


def in_parallel(*calls: Callable[[], Any]) -> list[Any]:
    """Runs all calls at once, each in its own thread with its own connections.

    Returns results in the order of the calls; if calls raise, raises the error of the first of them
    in that order. On MariaDB the threads have production's grants on public, nothing more.
    """
    start = threading.Barrier(len(calls))

    def work(call: Callable[[], Any]) -> Any:
        with_production_grants()
        try:
            start.wait(30)
            return call()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(len(calls))
    futures = [pool.submit(work, call) for call in calls]
    pool.shutdown(wait=False)  # a thread that hangs fails the test below; waiting would hang it too
    assert not wait(futures, timeout=60).not_done, "a thread hangs"
    return [future.result() for future in futures]


def outcomes(
    *calls: Callable[[], EventRegistration], refused: type[RegistrationError] | None = None
) -> list[str]:
    """Like `in_parallel`: the status of each registration, or the code of its refusal.

    Only a refusal that the test expects becomes a code; any other error is raised.
    """

    def outcome(call: Callable[[], EventRegistration]) -> str:
        if refused is None:
            return str(call().event_status)
        try:
            return str(call().event_status)
        except refused as refusal:
            return refusal.code

    return in_parallel(*(partial(outcome, call) for call in calls))


def with_production_grants() -> None:
    """Gives this thread's next connection to public the least privilege."""
    connection = connections[PUBLIC]
    if connection.vendor == "mysql":
        connection.close()
        connection.settings_dict = {
            **connection.settings_dict,
            "USER": "booking",
            "PASSWORD": "booking",
        }


HOLDING = "('confirmed', 'checked_in', 'no_show')"


def _rows(alias: str, sql: str) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def drift(others: dict[int, int] | None = None) -> dict[str, tuple[int, int]]:
    """The oracle: plain SQL over both databases at rest. Empty when all counters are exact.

    Otherwise (reserved, holding) for each slot and date where `reserved`, less what `others` added
    to the slots, differs from the number of registrations that hold a place.
    """
    others = others or {}
    held = _rows(
        PRIVATE,
        "SELECT r.event_slot_id, r.event_date_id, COUNT(*) FROM event_registrations r"
        " JOIN event_statuses s ON s.id = r.event_status_id"
        f" WHERE s.name IN {HOLDING} GROUP BY r.event_slot_id, r.event_date_id",
    )
    at_slots: Counter[int] = Counter()
    on_dates: Counter[int] = Counter()
    for slot_id, date_id, count in held:
        at_slots[slot_id] += count
        on_dates[date_id] += count
    wrong = {}
    for slot_id, reserved in _rows(PUBLIC, "SELECT event_slot_id, reserved FROM event_slots"):
        if reserved - others.get(slot_id, 0) != at_slots[slot_id]:
            wrong[f"slot {slot_id}"] = (reserved, at_slots[slot_id])
    for date_id, reserved in _rows(PUBLIC, "SELECT event_date_id, reserved FROM event_dates"):
        if reserved != on_dates[date_id]:
            wrong[f"date {date_id}"] = (reserved, on_dates[date_id])
    return wrong | _wrong_ledgers(held)


def _wrong_ledgers(held: list[tuple[Any, ...]]) -> dict[str, tuple[int, int]]:
    """Ledgers whose counts differ from the rows: (holding, waiting) as the ledger has them."""
    queued = _rows(
        PRIVATE,
        "SELECT event_slot_id, event_date_id, COUNT(*) FROM event_registrations"
        " WHERE waitlisted_at IS NOT NULL GROUP BY event_slot_id, event_date_id",
    )

    def by_target(rows: list[tuple[Any, ...]]) -> Counter[tuple[str, int]]:
        counts: Counter[tuple[str, int]] = Counter()
        for slot_id, date_id, count in rows:
            counts[("date", date_id) if slot_id is None else ("slot", slot_id)] += count
        return counts

    holds, waits = by_target(held), by_target(queued)
    ledgers = _rows(PRIVATE, "SELECT kind, target_id, holding, waiting FROM ledgers")
    return {
        f"ledger of {kind} {target_id}": (holding, waiting)
        for kind, target_id, holding, waiting in ledgers
        if (holding, waiting) != (holds[kind, target_id], waits[kind, target_id])
    }


def pending() -> int:
    """How many targets have a counter movement that is not known to be committed."""
    return Ledger.objects.filter(pending_since__isnull=False).count()


def ambiguities() -> int:
    """How many movements were settled without proof, according to the trail."""
    return AuditEvent.objects.filter(action="ambiguous").count()


def oversold() -> dict[int, tuple[int, int]]:
    """Slots with more registrations than places: (holding, capacity)."""
    capacity = dict(_rows(PUBLIC, "SELECT event_slot_id, capacity FROM event_slots"))
    held = _rows(
        PRIVATE,
        "SELECT r.event_slot_id, COUNT(*) FROM event_registrations r"
        " JOIN event_statuses s ON s.id = r.event_status_id"
        f" WHERE s.name IN {HOLDING} AND r.event_slot_id IS NOT NULL GROUP BY r.event_slot_id",
    )
    return {slot: (count, capacity[slot]) for slot, count in held if count > capacity[slot]}


def queue(target: EventSlot | EventDate) -> Sequence[int]:
    """The households that wait, head first."""
    waiting = EventRegistration.objects.at(target_of(target)).waiting()
    return list(waiting.values_list("household_id", flat=True))


def settle_all() -> None:
    """Settles until nothing is left, as the timer does."""
    assert settlement.settle_all(patience=30)[1] == 0, "something cannot be settled"


def statements(call: Callable[[], Any]) -> list[str]:
    """The SQL of a call on both databases, except what begins and ends transactions."""
    with (
        CaptureQueriesContext(connections[PRIVATE]) as private,
        CaptureQueriesContext(connections[PUBLIC]) as public,
    ):
        call()
    control = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")
    both = [*public.captured_queries, *private.captured_queries]
    return [query["sql"] for query in both if not query["sql"].startswith(control)]
