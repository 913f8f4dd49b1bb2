"""Rows and requests for the reads, including the desk's day view."""

import itertools
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client as Browser

from benchmarks.speed import client, data
from benchmarks.speed.data import API, Crowd, Job, Place, Prepared
from tests.support import factories, tokens

PAGE = 50
"""How many rows of a list fill a page exactly."""
DESK_ROWS = 2_000


def _reading(path: str, job: Job, count: int, holding: int, **headers: str) -> Prepared:
    requests = [client.request("GET", path, **headers)] * count
    return Prepared([job] * count, requests, {"confirmed": holding})


def date_with_slots(crowd: Crowd, count: int) -> Prepared:
    slots = data.slots_of_one_date(capacity=10)
    data.fill([*map(Place, slots, crowd.take(len(slots)))])
    date_id = slots[0].event_hour.event_date_id
    return _reading(f"{API}/event-dates/{date_id}/", Job(date_id=date_id), count, len(slots))


def dates(crowd: Crowd, count: int) -> Prepared:
    slots = data.slots_of_many_dates(PAGE, capacity=10)
    data.fill([*map(Place, slots, crowd.take(PAGE))])
    return _reading(f"{API}/event-dates/", Job(), count, PAGE)


def own_registrations(crowd: Crowd, count: int) -> Prepared:
    """Of a household with a place on each of 50 dates."""
    slots = data.slots_of_many_dates(PAGE, capacity=10)
    (person,) = crowd.take(1)
    data.fill([Place(slot, person) for slot in slots])
    token, job = tokens.bearer(sub="7", household_id=person.household_id), Job("", *person)
    return _reading(f"{API}/registrations/", job, count, PAGE, authorization=token)


def day_view(crowd: Crowd, count: int) -> Prepared:
    """The desk's page of today's date, with 2,000 registrations at 12 slots."""
    today = factories.in_days(0)
    slots = data.slots_of_one_date(200, hours=3, per_hour=4, event_date_key=today)
    data.fill([*map(Place, itertools.cycle(slots), crowd.take(DESK_ROWS))])
    date_id = slots[0].event_hour.event_date_id
    path = f"/admin/registrations/eventregistration/days/{date_id}/"
    return _reading(path, Job(), count, DESK_ROWS, cookie=f"sessionid={_log_in()}")


def _log_in() -> str:
    """The session of a member of staff who may do everything."""
    users: Any = get_user_model()
    user = users.objects.filter(username="benchmark").first()
    browser = Browser(SERVER_NAME="localhost")
    browser.force_login(
        user or users.objects.create_superuser("benchmark"),
        "django.contrib.auth.backends.ModelBackend",
    )
    return str(browser.cookies["sessionid"].value)
