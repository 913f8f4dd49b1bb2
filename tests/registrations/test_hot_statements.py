"""No statement of the hot operations reads more rows when the tables or the queues grow.

Each SELECT, UPDATE and DELETE is explained right before it runs, on real servers with some thousand
rows, so that the optimizer has a choice.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from benchmarks.speed import data
from benchmarks.speed.data import Crowd, Person, Place
from freshtrak.databases import PRIVATE, PUBLIC, query
from registrations.models import Status
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories, tokens

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]

API = "/api/v1"
_make: Any = factories
BOTH = (PRIVATE, PUBLIC)
DATES, SLOTS, PER_SLOT = 20, 50, 3
"""20 dates of 50 slots with three registrations each: 3,000 in all."""
LAST_IN_QUEUE = 3
MOST_ROWS = 60
"""What one statement may read of one table: the 50 slots of a date, or a page."""
MOST_READ = 200
"""What all statements of an operation may read together; a page of 20 registrations reads most."""
TINY = {"event_statuses"}
"""Five rows, whatever else grows: the only table that may be read whole."""
BY_INDEX = {"system", "const", "eq_ref", "ref", "ref_or_null", "range"}
FOUND_NOTHING = ("Impossible WHERE noticed after reading const tables", "no matching row")
"""What a server says in place of a plan when a unique key has led nowhere."""


# The rows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    full: EventSlot
    """Its places are taken, and households wait."""
    roomy: EventSlot
    """Has places left, on another date."""
    holder: Person
    """Has a place at `full`, and at each other date but the last; there it waits."""
    registration_id: int
    """The holder's place at `full`."""
    newcomers: list[Person]
    """Three who have no place anywhere."""
    waiting: int
    """How many wait at `full`."""
    day: EventDate
    """Without slots; its only place is free."""


def _world(*, waiting: int) -> World:
    """Registrations on many dates; at one slot this many wait."""
    people = Crowd().take(SLOTS * PER_SLOT + waiting + 3)
    holders, others = people[: SLOTS * PER_SLOT], people[SLOTS * PER_SLOT :]
    queue, newcomers = others[:waiting], others[waiting:]
    dates = [data.slots_of_one_date(capacity=2 * PER_SLOT) for _ in range(DATES)]
    full, last = dates[0][0], dates[-1][0]
    places = [
        Place(slots[number % SLOTS], person)
        for slots in dates[:-1]
        for number, person in enumerate(holders)
    ]
    at_last = [*queue[: LAST_IN_QUEUE - 1], holders[0]]
    places += [Place(last, person, Status.WAITLISTED) for person in at_last]
    places += [Place(full, person, Status.WAITLISTED) for person in queue]
    (registration_id, *_) = data.fill(places)
    data.make_full([full])
    for alias, tables in data.TABLES.items():
        query(alias, f"ANALYZE TABLE {', '.join(tables)}")
    day = _make.EventDateFactory(capacity=1)
    return World(full, dates[1][0], holders[0], registration_id, newcomers, waiting, day)


def _client(person: Person) -> APIClient:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=tokens.bearer(sub="7", household_id=person.household_id),
        HTTP_IDEMPOTENCY_KEY=secrets.token_hex(8),
    )
    return client


def _book(person: Person, place: EventSlot | EventDate, **options: Any) -> Any:
    target = b.target_of(place)
    body = {target.kind.column: target.id, "attendees": [person.member_id], **options}
    return _client(person).post(f"{API}/registrations/", body).json()


def _cancel(person: Person, registration_id: int) -> Any:
    path = f"{API}/registrations/{registration_id}/cancel/"
    return _client(person).post(path, {}).json()


def _perform(world: World, watched: Callable[[str], AbstractContextManager[None]]) -> None:
    """Each hot operation, watched under its name."""
    first, second, third = world.newcomers
    day = world.full.event_hour.event_date_id

    with watched("booking"):
        assert _book(first, world.roomy)["status"] == "confirmed"
    with watched("joining the queue"):
        assert _book(second, world.full)["status"] == "waitlisted"
    with watched("refused: no place"):
        assert _book(third, world.full, waitlist=False)["code"] == "capacity_full"
    with watched("refused: a second place"):
        assert _book(world.holder, world.roomy)["code"] == "already_registered"
    with watched("own registrations"):
        page = _client(world.holder).get(f"{API}/registrations/").json()
    with watched("cancelling, which promotes"):
        assert _cancel(world.holder, world.registration_id)["status"] == "cancelled"
    with watched("booking a date"):
        on_date = _book(third, world.day)
    with watched("joining the queue of a date"):
        assert _book(world.holder, world.day)["status"] == "waitlisted"
    with watched("cancelling on a date, which promotes"):
        assert _cancel(third, on_date["id"])["status"] == "cancelled"
    with watched("a date"):
        hours = APIClient().get(f"{API}/event-dates/{day}/").json()["hours"]

    assert len(page["results"]) == DATES
    assert page["results"][0]["waitlist_position"] == LAST_IN_QUEUE
    assert (on_date["status"], b.queue(world.day)) == ("confirmed", [])
    assert b.queue(world.full)[-1] == second.household_id
    assert len(b.queue(world.full)) == world.waiting  # one has joined, one is promoted
    assert sum(len(hour["slots"]) for hour in hours) == SLOTS
    assert b.drift() == {}


# Plans ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What a statement reads of one table, as EXPLAIN tells."""

    sql: str
    table: str | None
    how: str | None
    key: str | None
    rows: int
    extra: str

    @property
    def is_bounded(self) -> bool:
        """Whether an index leads to it, and to few rows."""
        if self.table is None:
            return self.extra.startswith(FOUND_NOTHING)
        if self.table in TINY:
            return True
        return self.how in BY_INDEX and self.key is not None and self.rows <= MOST_ROWS


@contextmanager
def _explained(steps: dict[str, list[Step]], operation: str) -> Iterator[None]:
    """Puts down what each statement of this thread reads."""

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.split()[0] in {"SELECT", "UPDATE", "DELETE"}:
            with context["connection"].cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                columns = [column[0] for column in cursor.description]
                plan = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            steps.setdefault(operation, []).extend(
                Step(
                    " ".join(sql.split()),
                    one["table"],
                    one["type"],
                    one["key"],
                    int(one["rows"] or 0),  # of an UPDATE MariaDB gives it as text
                    one["Extra"] or "",
                )
                for one in plan
            )
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for alias in BOTH:
            stack.enter_context(connections[alias].execute_wrapper(explain))
        yield


def test_hot_statements_find_few_rows_by_an_index() -> None:
    world = _world(waiting=5)
    steps: dict[str, list[Step]] = {}

    _perform(world, partial(_explained, steps))

    assert len(steps) == 10
    assert {"ledgers", "event_registrations", "event_slots"} <= {
        step.table for step in steps["cancelling, which promotes"]
    }
    unbounded = [
        (operation, step) for operation in steps for step in steps[operation] if not step.is_bounded
    ]
    assert unbounded == []


# Rows read --------------------------------------------------------------------------


@contextmanager
def _counted(rows: dict[str, int], operation: str) -> Iterator[None]:
    """Puts down how many rows both servers read for this thread, by index or not."""
    before = _rows_read()
    yield
    rows[operation] = _rows_read() - before


def _rows_read() -> int:
    counters = [query(alias, "SHOW SESSION STATUS LIKE 'Handler_read%%'") for alias in BOTH]
    return sum(int(value) for found in counters for _, value in found)


def test_long_queue_is_not_read() -> None:
    """EXPLAIN knows nothing of LIMIT: what is read at a long queue, the server itself counts."""
    world = _world(waiting=1_000)
    rows: dict[str, int] = {}

    _perform(world, partial(_counted, rows))

    # To read a date is to count its waitlist, in an index.
    assert rows.pop("a date") < 3 * world.waiting
    assert len(rows) == 9
    assert {operation: read for operation, read in rows.items() if read > MOST_READ} == {}
