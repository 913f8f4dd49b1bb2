"""What is measured."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.speed import floor_changes, floor_reads, prepare_changes, prepare_reads
from benchmarks.speed.client import Expected
from benchmarks.speed.data import Crowd, Prepared
from benchmarks.speed.floor import Operation


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    prepare: Callable[[Crowd, int], Prepared]
    """Creates the rows, and this many requests."""
    expected: Expected
    floor: Operation | None
    connections: tuple[int, ...] = (8,)
    is_read: bool = False


def _booking(name: str, title: str, prepare: Callable[[Crowd, int], Prepared]) -> Workload:
    expected = Expected(201, b'"confirmed"')
    return Workload(name, title, prepare, expected, floor_changes.book, connections=(1, 8, 32))


def _reading(
    name: str, title: str, prepare: Callable[[Crowd, int], Prepared], word: bytes, floor: Operation
) -> Workload:
    return Workload(name, title, prepare, Expected(200, word), floor, is_read=True)


ALL = [
    _booking("bookings_hot", "Booking, one hot slot", prepare_changes.one_slot),
    _booking("bookings_date", "Booking, 50 slots of a date", prepare_changes.one_date),
    _booking("bookings_spread", "Booking, 40 slots of 40 dates", prepare_changes.many_dates),
    Workload(
        "newcomers",
        "Joining a full slot's queue",
        prepare_changes.newcomers,
        Expected(201, b'"waitlisted"'),
        floor_changes.book,
    ),
    Workload(
        "cancellations",
        "Cancelling, which promotes",
        prepare_changes.cancellations,
        Expected(200, b'"cancelled"'),
        floor_changes.cancel,
    ),
    _reading(
        "date",
        "A date with 50 slots",
        prepare_reads.date_with_slots,
        b'"slots"',
        floor_reads.read_date,
    ),
    _reading(
        "dates", "A list of 50 dates", prepare_reads.dates, b'"results"', floor_reads.list_dates
    ),
    _reading(
        "own_registrations",
        "50 registrations of one's own",
        prepare_reads.own_registrations,
        b'"results"',
        floor_reads.own_registrations,
    ),
    Workload(
        "day_view",
        "Day view, 2,000 registrations",
        prepare_reads.day_view,
        Expected(200, b"</html>"),
        None,  # a page is the framework's work: nothing to compare it with
        is_read=True,
    ),
]
