"""Reading schedules: what is published needs no token."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories

API = "/api/v1"


def _day(days: int) -> str:
    return (factories.today() + timedelta(days=days)).isoformat()


def test_slot(client: APIClient) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    for household in factories.households(3):
        b.register(household, slot)
    day = slot.event_hour.event_date

    assert client.get(f"{API}/event-slots/{slot.pk}/").json() == {
        "event_slot_id": slot.pk,
        "event_hour_id": slot.event_hour_id,
        "event_date_id": day.pk,
        "event_id": day.event_id,
        "date": _day(7),
        "start_time": "09:30",
        "end_time": "09:45",
        "capacity": 1,
        "reserved": 1,
        "available": 0,
        "waitlisted": 2,
        "open": True,
        "closed_reason": None,
    }


def test_date_nests_hours_and_slots(client: APIClient) -> None:
    day = factories.EventDateFactory(capacity=10, reserved=12, end_time_key=2400)
    late = factories.EventHourFactory(event_date=day, start_time_key=1000, end_time_key=1100)
    early = factories.EventHourFactory(event_date=day)
    closed = factories.EventHourFactory(event_date=day, status_id=0)
    for hour in (late, early, closed):
        for quarter in (15, 0):
            factories.EventSlotFactory(
                event_hour=hour, start_time_key=hour.start_time_key + quarter
            )

    answer = client.get(f"{API}/event-dates/{day.pk}/").json()

    assert answer["booking"] == "slot"
    assert (answer["available"], answer["end_time"]) == (0, "24:00")
    assert answer["event"]["name"] == day.event.event_name
    times = [
        (hour["start_time"], [slot["start_time"] for slot in hour["slots"]])
        for hour in answer["hours"]
    ]
    assert times == [("09:00", ["09:00", "09:15"]), ("10:00", ["10:00", "10:15"])]


def test_date_without_slots_is_booked_as_a_whole(client: APIClient) -> None:
    day = factories.EventDateFactory(capacity=1)
    for household in factories.households(2):
        b.register(household, day)

    answer = client.get(f"{API}/event-dates/{day.pk}/").json()

    assert (answer["booking"], answer["hours"], answer["waitlisted"]) == ("date", [], 1)


def test_closed_date_says_why(client: APIClient) -> None:
    day = factories.EventDateFactory(accept_reservations=0)

    answer = client.get(f"{API}/event-dates/{day.pk}/").json()

    assert (answer["open"], answer["closed_reason"]) == (False, "reservations_not_accepted")


@pytest.mark.parametrize("kind", ["events", "event-dates", "event-slots"])
def test_what_is_not_public_is_not_found(client: APIClient, kind: str) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__status_publish=0)
    day = slot.event_hour.event_date
    ids = {"events": day.event_id, "event-dates": day.pk, "event-slots": slot.pk}

    for identity in (ids[kind], 2**32, 10**30):
        response = client.get(f"{API}/{kind}/{identity}/")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_dates_are_filtered_and_ordered(client: APIClient) -> None:
    soon = factories.EventDateFactory(event_date_key=factories.in_days(1))
    late = factories.EventDateFactory(event_date_key=factories.in_days(20))
    closed = factories.EventDateFactory(accept_reservations=0)
    factories.EventDateFactory(event_date_key=factories.in_days(-1))

    def ids(query: str) -> list[int]:
        page = client.get(f"{API}/event-dates/?{query}").json()
        return [row["event_date_id"] for row in page["results"]]

    assert ids("") == [soon.pk, closed.pk, late.pk]
    assert ids("open=true") == [soon.pk, late.pk]
    assert ids("open=false") == [closed.pk]
    assert ids(f"event_id={late.event_id}") == [late.pk]
    assert ids(f"date_from={_day(2)}") == [closed.pk, late.pk]
    assert ids(f"date_to={_day(1)}") == [soon.pk]


def test_events_are_filtered_and_searched(client: APIClient) -> None:
    near = factories.EventFactory(event_name="Riverside", city="Columbus")
    far = factories.EventFactory(event_name="Westgate", zip="43204")
    factories.EventDateFactory(event=near, event_date_key=factories.in_days(1))
    factories.EventDateFactory(event=near, event_date_key=factories.in_days(2))
    factories.EventDateFactory(event=far, event_date_key=factories.in_days(9))
    factories.EventFactory(event_name="Without dates")

    def names(query: str) -> list[str]:
        page = client.get(f"{API}/events/?{query}").json()
        return [row["name"] for row in page["results"]]

    assert names("") == ["Riverside", "Westgate"]
    assert names(f"date_from={_day(5)}") == ["Westgate"]
    assert names("search=river") == names("search=columb") == ["Riverside"]
    assert names("search=43204") == ["Westgate"]
    assert client.get(f"{API}/events/{near.pk}/").json()["address"]["city"] == "Columbus"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("events/?date_from=tomorrow", "date_from"),
        ("event-dates/?date_to=2026-13-01", "date_to"),
        ("event-dates/?open=perhaps", "open"),
        ("event-dates/?event_id=x", "event_id"),
        (f"event-dates/?event_id={10**30}", "event_id"),
        ("events/?search=%00", "search"),
    ],
)
def test_invalid_filters_are_refused(client: APIClient, path: str, field: str) -> None:
    response = client.get(f"{API}/{path}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_broken_token_does_not_prevent_reading(client: APIClient) -> None:
    response = client.get(f"{API}/events/", headers={"Authorization": "Bearer broken"})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["events/?", "event-dates/?", "event-dates/{}/?"])
def test_answers_run_a_fixed_number_of_queries(client: APIClient, path: str) -> None:
    slot = factories.EventSlotFactory()
    day = slot.event_hour.event_date
    path = f"{API}/{path.format(day.pk)}page_size=100"
    few = len(b.statements(lambda: client.get(path)))

    for _ in range(99):
        factories.EventSlotFactory(event_hour=slot.event_hour)
        factories.EventDateFactory()

    assert len(b.statements(lambda: client.get(path))) == few <= 4


def test_slot_of_a_missing_hour_is_not_found(client: APIClient) -> None:
    slot: Any = factories.EventSlotFactory()
    EventDate.objects.all().delete()

    assert client.get(f"{API}/event-slots/{slot.pk}/").status_code == 404
    assert EventSlot.objects.count() == 1


def test_unchanged_answer_is_a_304(client: APIClient) -> None:
    slot = factories.EventSlotFactory()
    path = f"{API}/event-slots/{slot.pk}/"
    first = client.get(path)

    same = client.get(path, headers={"If-None-Match": first["ETag"]})
    EventSlot.objects.update(reserved=1)
    changed = client.get(path, headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, first["Cache-Control"]) == (200, "public, no-cache")
    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
