"""How much one request may hold, and how often a caller may ask."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from freshtrak.rates import Rate
from registrations.models import EventRegistration, Household
from tests.support import factories, tokens
from tests.support.rest import PATH, as_, problem


@pytest.fixture
def participant(client: APIClient, household: Household) -> APIClient:
    return as_(client, tokens.of_household(household))


def test_a_large_body_is_refused_before_it_is_read(participant: APIClient) -> None:
    body = b'{"attendees": [' + b"0," * 1_200_000 + b"0]}"

    response = participant.generic("POST", PATH, body, content_type="application/json")

    assert problem(response) == (413, "request_too_large")
    assert len(response.content) < 1_000


def test_a_long_list_costs_one_error(participant: APIClient) -> None:
    slot = factories.EventSlotFactory()

    response = participant.post(PATH, {"event_slot_id": slot.pk, "attendees": [0] * 30_000})

    assert problem(response) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == ["attendees"]


def test_at_most_twenty_field_errors_are_listed(participant: APIClient) -> None:
    slot = factories.EventSlotFactory()

    response = participant.post(PATH, {"event_slot_id": slot.pk, "attendees": ["x"] * 900})

    assert len(response.json()["errors"]) == 20
    assert response.json()["detail"].endswith("These are the first 20 of 900 errors.")


def test_a_user_name_that_no_account_can_have_is_an_invalid_field(client: APIClient) -> None:
    response = client.post("/api/v1/auth/token/", {"username": "a" * 256, "password": "x"})

    assert problem(response) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == ["username"]


def test_changes_of_a_household_are_counted_whatever_the_token(
    client: APIClient, household: Household, settings: Any
) -> None:
    settings.RATES = {**settings.RATES, "change": Rate(2, 86_400)}
    (another,) = factories.households(1)

    answers = []
    for number in range(3):
        token = tokens.bearer(sub=str(number), household_id=household.pk)
        answers.append(as_(client, token).post(PATH, {}))
    unaffected = as_(client, tokens.of_household(another)).post(PATH, {})

    assert [problem(answer)[0] for answer in answers] == [400, 400, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert problem(unaffected)[0] == 400
    assert not EventRegistration.objects.exists()


def test_reads_are_counted_by_token(client: APIClient, household: Household, settings: Any) -> None:
    settings.RATES = {**settings.RATES, "read": Rate(2, 86_400)}
    first, second = (tokens.bearer(household_id=household.pk, jti=name) for name in "ab")

    of_one = [as_(client, first).get(PATH).status_code for _ in range(3)]

    assert of_one == [200, 200, 429]
    assert as_(client, second).get(PATH).status_code == 200


def test_schedules_and_the_desks_tokens_have_limits_of_their_own(
    client: APIClient, settings: Any
) -> None:
    settings.RATES = {**settings.RATES, "read": Rate(1, 86_400), "change": Rate(1, 86_400)}

    as_(client, tokens.of_staff())

    assert [client.get(PATH).status_code for _ in range(3)] == [200] * 3
    assert [client.get("/api/v1/events/").status_code for _ in range(3)] == [200] * 3


def test_refreshing_tokens_does_not_lock_out_who_logs_in(client: APIClient, settings: Any) -> None:
    settings.RATES = {**settings.RATES, "refresh": Rate(5, 86_400)}

    refreshed = [
        client.post("/api/v1/auth/token/refresh/", {"refresh": "x"}).status_code for _ in range(6)
    ]
    logged_in = client.post("/api/v1/auth/token/", {"username": "anna", "password": "x"})

    assert refreshed == [401] * 5 + [429]
    assert problem(logged_in) == (401, "invalid_credentials")
