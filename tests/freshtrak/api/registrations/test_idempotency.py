from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from registrations.models import EventRegistration, Household, IdempotencyRecord
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories, tokens

PATH = "/api/v1/registrations/"


class Sender:
    """A household that books a slot, with or without a key."""

    def __init__(self, client: APIClient, household: Household, slot: EventSlot) -> None:
        self.client, self.token = client, tokens.of_household(household)
        self.body = {
            "event_slot_id": slot.pk,
            "attendees": list(household.members.values_list("pk", flat=True)),
        }

    def post(self, key: str | None, path: str = PATH, **change: Any) -> Any:
        headers = {"Authorization": self.token}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.post(path, {**self.body, **change}, headers=headers)


@pytest.fixture
def slot() -> EventSlot:
    slot: EventSlot = factories.EventSlotFactory(capacity=2)
    return slot


@pytest.fixture
def sender(client: APIClient, household: Household, slot: EventSlot) -> Sender:
    return Sender(client, household, slot)


def test_same_key_gives_the_same_answer_and_one_effect(sender: Sender) -> None:
    first = sender.post("abc")
    second = sender.post("abc")

    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert second["Location"] == first["Location"]
    assert second.json() == first.json()
    assert EventRegistration.objects.count() == 1


def test_same_key_gives_the_first_answer_even_after_a_cancellation(sender: Sender) -> None:
    first = sender.post("abc")
    b.cancel(EventRegistration.objects.get())

    second = sender.post("abc")

    assert second.json() == first.json()
    assert EventRegistration.objects.count() == 1
    assert b.drift() == {}


def test_same_key_with_quotes_is_the_same_key(sender: Sender) -> None:
    sender.post("abc")

    assert sender.post('"abc"')["Idempotency-Replayed"] == "true"


def test_same_key_for_another_request_is_refused(sender: Sender, slot: EventSlot) -> None:
    other = factories.EventSlotFactory(event_hour=slot.event_hour)
    sender.post("abc")

    response = sender.post("abc", event_slot_id=other.pk)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_keys_that_differ_in_case_are_different_keys(sender: Sender) -> None:
    sender.post("abc")

    assert sender.post("ABC").json()["code"] == "already_registered"


def test_same_key_of_another_caller_is_independent(
    sender: Sender, client: APIClient, slot: EventSlot
) -> None:
    (other,) = factories.households(1)

    first = sender.post("abc")
    second = Sender(client, other, slot).post("abc")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "tab\there", "é"])
def test_malformed_key_is_refused(sender: Sender, key: str) -> None:
    response = sender.post(key)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_longest_key_is_accepted(sender: Sender) -> None:
    assert sender.post("k" * 255).status_code == 201


def test_refusals_are_not_stored(sender: Sender, slot: EventSlot) -> None:
    EventSlot.objects.update(capacity=0)

    invalid = sender.post("abc", attendees=[])
    full = sender.post("abc", waitlist=False)
    EventSlot.objects.update(capacity=1)
    booked = sender.post("abc", waitlist=False)

    assert (invalid.status_code, full.status_code, booked.status_code) == (400, 409, 201)


def test_cancel_takes_a_key_too(sender: Sender) -> None:
    registration = sender.post(None).json()["id"]
    path = f"{PATH}{registration}/cancel/"

    first = sender.post("c", path)
    second = sender.post("c", path)

    assert (first.status_code, second.status_code) == (200, 200)
    assert second["Idempotency-Replayed"] == "true"
    assert second.json() == first.json()


def test_expired_key_is_free_again(sender: Sender) -> None:
    sender.post("abc")
    b.cancel(EventRegistration.objects.get())
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))

    again = sender.post("abc")

    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again
    assert EventRegistration.objects.count() == 2


def test_without_a_key_nothing_is_stored(sender: Sender) -> None:
    sender.post(None)

    assert not IdempotencyRecord.objects.exists()
