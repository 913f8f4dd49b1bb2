"""The HTTP contract of registrations: shapes, codes, who sees what."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from registrations.models import EventRegistration, Household
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories, tokens
from tests.support.rest import PATH, as_, attendees, problem


def test_post_books_a_slot(participant: APIClient, household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    day = slot.event_hour.event_date
    member = household.members.get()

    response = participant.post(PATH, {"event_slot_id": slot.pk, "attendees": [member.pk]})

    assert response.status_code == 201
    registration = EventRegistration.objects.get()
    assert response["Location"] == f"http://testserver{PATH}{registration.pk}/"
    assert response.json() == {
        "id": registration.pk,
        "confirmation_code": registration.confirmation_code,
        "status": "confirmed",
        "status_id": registration.event_status_id,
        "household_id": household.pk,
        "event_id": day.event_id,
        "event_date_id": day.pk,
        "event_slot_id": slot.pk,
        "waitlist_position": None,
        "attendees": [
            {
                "household_member_id": member.pk,
                "first_name": member.first_name,
                "last_name": member.last_name,
                "came": None,
            }
        ],
        "schedule": {
            "event_name": day.event.event_name,
            "date": (factories.today() + timedelta(days=7)).isoformat(),
            "start_time": "09:30",
            "end_time": "09:45",
        },
        "created_at": timezone.localtime(registration.created_at).isoformat(),
        "updated_at": timezone.localtime(registration.created_at).isoformat(),
        "cancelled_at": None,
        "checked_in_at": None,
        "checked_in_by": None,
    }


def test_post_and_get_answer_the_same(participant: APIClient, household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=0)
    body = {"event_slot_id": slot.pk, "attendees": attendees(household)}

    posted = participant.post(PATH, body).json()

    assert participant.get(f"{PATH}{posted['id']}/").json() == posted
    assert participant.get(PATH).json()["results"] == [posted]


def test_post_books_a_date_without_slots(participant: APIClient, household: Household) -> None:
    day = factories.EventDateFactory(capacity=1)
    body = {
        "event_date_id": day.pk,
        "event_id": day.event_id,
        "attendees": attendees(household),
    }

    answer = participant.post(PATH, body).json()

    assert (answer["event_date_id"], answer["event_slot_id"]) == (day.pk, None)
    assert answer["schedule"]["start_time"] == "09:00"


def test_post_with_a_slot_and_its_date(participant: APIClient, household: Household) -> None:
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": attendees(household)}

    wrong = participant.post(PATH, {**body, "event_date_id": 1})
    right = participant.post(PATH, {**body, "event_date_id": slot.event_hour.event_date_id})

    assert problem(wrong) == (400, "invalid")
    assert [error["field"] for error in wrong.json()["errors"]] == ["event_date_id"]
    assert right.status_code == 201


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"event_slot_id": None}, ["event_slot_id"]),
        ({"event_slot_id": "seven"}, ["event_slot_id"]),
        ({"event_slot_id": True}, ["event_slot_id"]),
        ({"event_slot_id": 1.5}, ["event_slot_id"]),
        ({"event_slot_id": 2**32}, ["event_slot_id"]),
        ({"event_slot_id": 2**70}, ["event_slot_id"]),
        ({"event_slot_id": -1}, ["event_slot_id"]),
        ({"event_slot_id": {}}, ["event_slot_id"]),
        ({"attendees": []}, ["attendees"]),
        ({"attendees": None}, ["attendees"]),
        ({"attendees": "all"}, ["attendees"]),
        ({"attendees": [1, "x", None]}, ["attendees.1", "attendees.2"]),
        ({"attendees": [2**63]}, ["attendees.0"]),
        ({"attendees": list(range(1, 1002))}, ["attendees"]),
        ({"attendees": [987654321]}, ["attendees.0"]),
        ({"waitlist": "perhaps"}, ["waitlist"]),
    ],
)
def test_post_with_invalid_fields_names_them(
    participant: APIClient, household: Household, change: dict[str, Any], fields: list[str]
) -> None:
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": attendees(household), **change}

    response = participant.post(PATH, body)

    assert problem(response) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert all({"field", "code", "detail"} == set(error) for error in response.json()["errors"])
    assert not EventRegistration.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        *("{", "", "[1", b"\xff\xfe", '{"a": "\\ud800"', '{"a": "\\ud800"}', '{"a": NaN}'),
        "[" * 30_000 + "]" * 30_000,
    ],
)
def test_post_of_malformed_json(participant: APIClient, raw: Any) -> None:
    response = participant.generic("POST", PATH, raw, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["code"] == ("malformed_json" if raw else "invalid")


@pytest.mark.parametrize("body", [[], [1], "text", 7, None])
def test_post_of_json_that_is_not_an_object(participant: APIClient, body: Any) -> None:
    assert problem(participant.post(PATH, body)) == (400, "invalid")


def test_post_of_another_media_type(participant: APIClient) -> None:
    response = participant.generic("POST", PATH, "a=1", content_type="text/plain")

    assert problem(response) == (415, "unsupported_media_type")


def test_post_for_another_host(participant: APIClient) -> None:
    response = participant.get(PATH, headers={"Host": "elsewhere.example"})

    assert problem(response) == (400, "invalid")


def test_unknown_method_representation_and_path(participant: APIClient) -> None:
    assert problem(participant.delete(PATH)) == (405, "method_not_allowed")
    assert problem(participant.get(PATH, HTTP_ACCEPT="text/csv")) == (406, "not_acceptable")
    assert problem(participant.get("/api/v1/nothing/")) == (404, "not_found")
    assert problem(participant.post("/api/v1/registrations")) == (404, "not_found")


def test_post_for_a_missing_slot(participant: APIClient, household: Household) -> None:
    response = participant.post(
        PATH, {"event_slot_id": 2**32 - 1, "attendees": attendees(household)}
    )

    assert problem(response) == (404, "not_found")


def test_each_post_conflict_has_its_own_code(participant: APIClient, household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=0)
    day = slot.event_hour.event_date
    body = {"event_slot_id": slot.pk, "attendees": attendees(household)}

    def refused(**change: Any) -> str:
        response = participant.post(PATH, {**body, **change})
        assert response.status_code == 409
        return str(problem(response)[1])

    assert refused(waitlist=False) == "capacity_full"
    assert refused(event_slot_id=None, event_date_id=day.pk) == "slot_required"
    EventDate.objects.update(published_end_datetime=timezone.now() - timedelta(days=1))
    assert refused() == "registration_closed"
    EventDate.objects.update(accept_reservations=0)
    assert refused() == "reservations_not_accepted"
    EventDate.objects.update(event_date_key=factories.in_days(-1))
    assert refused() == "event_past"
    EventDate.objects.update(status_publish=0)
    assert refused() == "not_published"


def test_post_twice_names_the_first_registration(
    participant: APIClient, household: Household
) -> None:
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": attendees(household)}
    first = participant.post(PATH, body).json()

    response = participant.post(PATH, body)

    assert problem(response) == (409, "already_registered")
    assert response.json()["registration_id"] == first["id"]


def test_cancel_and_cancel_again(participant: APIClient, household: Household) -> None:
    registration = b.register(household, factories.EventSlotFactory())

    first = participant.post(f"{PATH}{registration.pk}/cancel/")
    second = participant.post(f"{PATH}{registration.pk}/cancel/")

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()) == (200, first.json())


def test_move(participant: APIClient, household: Household) -> None:
    old, new, full = (
        factories.EventSlotFactory(),
        factories.EventSlotFactory(),
        factories.EventSlotFactory(capacity=0),
    )
    registration = b.register(household, old)
    path = f"{PATH}{registration.pk}/move/"

    refused = participant.post(path, {"event_slot_id": full.pk})
    moved = participant.post(path, {"event_slot_id": new.pk})

    assert problem(refused) == (409, "capacity_full")
    assert (moved.status_code, moved.json()["event_slot_id"]) == (200, new.pk)
    assert b.drift() == {}


def test_booking_with_a_key_costs_twelve_statements_and_one_more_for_a_members_user(
    client: APIClient,
) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    earlier, claimed, by_user = factories.households(3)
    by_user.members.update(user_id=4711)
    b.register(earlier, slot)  # opens the ledger

    def cost(household: Household, token: str) -> int:
        body = {"event_slot_id": slot.pk, "attendees": attendees(household)}
        headers = {"Idempotency-Key": f"{household.pk}"}
        as_(client, token)
        return len(b.statements(lambda: client.post(PATH, body, headers=headers)))

    assert cost(claimed, tokens.of_household(claimed)) == 12
    assert cost(by_user, tokens.bearer(sub="4711")) == 13
    assert EventRegistration.objects.count() == 3


def test_registration_whose_slot_is_deleted_still_answers(
    participant: APIClient, household: Household
) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    EventSlot.objects.all().delete()

    answer = participant.get(f"{PATH}{registration.pk}/").json()

    assert answer["schedule"] is None
    assert answer["status"] == "confirmed"


def test_token_from_the_command_can_book(
    client: APIClient, household: Household, capsys: Any
) -> None:
    slot = factories.EventSlotFactory()
    call_command("issue_token", household=household.pk)
    as_(client, f"Bearer {capsys.readouterr().out.strip()}")

    response = client.post(PATH, {"event_slot_id": slot.pk, "attendees": attendees(household)})

    assert response.status_code == 201
