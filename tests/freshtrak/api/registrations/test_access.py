"""Who may do and see what: another household's registrations, households of a token, staff."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from registrations.models import EventRegistration, Household
from tests.support import booking as b
from tests.support import factories, tokens
from tests.support.rest import PATH, as_, attendees, problem


@pytest.mark.parametrize("tail", ["", "cancel/", "move/"])
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_another_households_registration_is_hidden(
    client: APIClient, tail: str, method: str
) -> None:
    slot = factories.EventSlotFactory()
    owner, other = factories.households(2)
    registration = b.register(owner, slot)
    as_(client, tokens.of_household(other))

    theirs = getattr(client, method)(f"{PATH}{registration.pk}/{tail}", {"event_slot_id": slot.pk})
    missing = getattr(client, method)(f"{PATH}987654321/{tail}", {"event_slot_id": slot.pk})

    assert theirs.status_code in {404, 405}
    assert (theirs.status_code, theirs.json()) == (missing.status_code, missing.json())
    assert client.get(PATH).json()["results"] == []
    assert b.status_of(registration) == "confirmed"


@pytest.mark.parametrize("identity", [2**63, 10**30, 0])
def test_ids_outside_their_range_are_not_found(participant: APIClient, identity: int) -> None:
    assert problem(participant.get(f"{PATH}{identity}/")) == (404, "not_found")
    assert problem(participant.post(f"{PATH}{identity}/cancel/")) == (404, "not_found")


def test_token_of_a_members_user_finds_the_household(client: APIClient) -> None:
    (household,) = factories.households(1)
    household.members.update(user_id=4711)
    slot = factories.EventSlotFactory()
    as_(client, tokens.bearer(sub="4711"))

    response = client.post(PATH, {"event_slot_id": slot.pk, "attendees": attendees(household)})

    assert (response.status_code, response.json()["household_id"]) == (201, household.pk)
    assert EventRegistration.objects.get().added_by == 4711


@pytest.mark.parametrize(
    "claims", [{"sub": "4712"}, {"sub": "a-b-c"}, {}, {"household_id": "x"}, {"household_id": -1}]
)
def test_token_without_a_household_is_refused(client: APIClient, claims: dict[str, Any]) -> None:
    as_(client, tokens.bearer(**claims))

    assert problem(client.get(PATH)) == (403, "household_not_resolved")


def test_deleted_household_is_refused(participant: APIClient, household: Household) -> None:
    slot = factories.EventSlotFactory()
    members = attendees(household)
    Household.objects.update(deleted_on=timezone.now())

    response = participant.post(PATH, {"event_slot_id": slot.pk, "attendees": members})

    assert problem(response) == (403, "household_not_resolved")


def test_participant_may_not_book_for_another_household(
    participant: APIClient, household: Household
) -> None:
    (other,) = factories.households(1)
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": attendees(other), "household_id": other.pk}

    assert problem(participant.post(PATH, body)) == (403, "permission_denied")


def test_staff_book_for_any_household_and_see_all(client: APIClient) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    one, other = factories.households(2)
    b.register(one, slot)
    as_(client, tokens.of_staff())
    body = {"event_slot_id": slot.pk, "attendees": attendees(other)}

    missing = client.post(PATH, body)
    unknown = client.post(PATH, {**body, "household_id": 2**60})
    booked = client.post(PATH, {**body, "household_id": other.pk})

    assert problem(missing) == (400, "invalid")
    assert problem(unknown) == (400, "invalid")
    assert unknown.json()["errors"][0]["field"] == "household_id"
    assert booked.status_code == 201
    assert client.get(PATH).json()["count"] == 2
