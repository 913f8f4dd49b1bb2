"""Rows and requests for the changes: booking, joining a queue, cancelling."""

import itertools
from collections.abc import Sequence

from benchmarks.speed import client, data
from benchmarks.speed.data import API, Crowd, Job, Person, Place, Prepared
from registrations.models import Status
from schedules.models import EventSlot
from tests.support import tokens

_keys = itertools.count(1)


def _booking(job: Job) -> bytes:
    body = {"event_slot_id": job.slot_id, "attendees": [job.member_id]}
    token = tokens.bearer(sub="7", household_id=job.household_id)
    path = f"{API}/registrations/"
    return client.request("POST", path, body, authorization=token, idempotency_key=job.key)


def _job(person: Person, slot: EventSlot, registration_id: int = 0) -> Job:
    day = slot.event_hour.event_date_id
    return Job(f"k{next(_keys)}", *person, day, slot.pk, registration_id)


def _book(crowd: Crowd, count: int, slots: Sequence[EventSlot], start: int = 0) -> Prepared:
    """Each household books one of the slots, in turn."""
    people = crowd.take(start + count)[start:]
    jobs = [*map(_job, people, itertools.cycle(slots))]
    return Prepared(jobs, [*map(_booking, jobs)], {"confirmed": count})


def one_slot(crowd: Crowd, count: int) -> Prepared:
    slots = [data.slot(capacity=count)]
    data.open_ledgers(slots)
    return _book(crowd, count, slots)


def one_date(crowd: Crowd, count: int) -> Prepared:
    slots = data.slots_of_one_date(capacity=count)
    data.open_ledgers(slots)
    return _book(crowd, count, slots)


def many_dates(crowd: Crowd, count: int) -> Prepared:
    slots = data.slots_of_many_dates(40, capacity=count)
    data.open_ledgers(slots)
    return _book(crowd, count, slots)


def newcomers(crowd: Crowd, count: int) -> Prepared:
    """All ask for one slot whose only place is taken."""
    slot = data.slot(capacity=1)
    data.fill([Place(slot, crowd.take(1)[0])])
    prepared = _book(crowd, count, [slot], start=1)
    return Prepared(prepared.jobs, prepared.requests, {"confirmed": 1, "waitlisted": count})


def cancellations(crowd: Crowd, count: int) -> Prepared:
    """At 50 full slots of a date as many wait as hold a place; all who hold a place cancel."""
    slots = data.slots_of_one_date(capacity=1)
    people, turns = crowd.take(2 * count), list(itertools.islice(itertools.cycle(slots), count))
    holding = [*map(Place, turns, people)]
    waiting = [*map(Place, turns, people[count:], itertools.repeat(Status.WAITLISTED))]
    ids = data.fill([*holding, *waiting])
    data.make_full(slots)
    jobs = [
        _job(person, slot, id_) for (slot, person, _), id_ in zip(holding, ids[:count], strict=True)
    ]
    afterwards = {"cancelled": count, "confirmed": count}
    return Prepared(jobs, [*map(_cancellation, jobs)], afterwards)


def _cancellation(job: Job) -> bytes:
    path = f"{API}/registrations/{job.registration_id}/cancel/"
    token = tokens.bearer(sub="7", household_id=job.household_id)
    return client.request("POST", path, {}, authorization=token, idempotency_key=job.key)
