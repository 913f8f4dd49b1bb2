"""Places for those who wait, over HTTP; and what is too late for participants."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEvent
from registrations.models import EventRegistration, Household
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories, tokens

PATH = "/api/v1/registrations/"


@pytest.fixture
def staff(client: APIClient) -> APIClient:
    client.credentials(HTTP_AUTHORIZATION=tokens.of_staff())
    return client


def _participant(household: Any) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=tokens.of_household(household))
    return client


@pytest.fixture
def waiting() -> list[EventRegistration]:
    """Two who wait today where one place is free by now, and booking is closed."""
    slot = factories.EventSlotFactory(
        capacity=0, event_hour__event_date__event_date_key=factories.in_days(0)
    )
    rows = [b.register(household, slot) for household in factories.households(2)]
    EventSlot.objects.update(capacity=1)
    EventDate.objects.update(accept_reservations=0)
    return rows


def _code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_staff_promote_the_head_with_a_reason(
    staff: APIClient, waiting: list[EventRegistration]
) -> None:
    head, second = waiting
    reason = {"override_reason": "One place more"}

    assert _code(staff.post(f"{PATH}{head.pk}/promote/")) == (409, "reservations_not_accepted")
    assert _code(staff.post(f"{PATH}{second.pk}/promote/", reason)) == (409, "not_first_in_queue")
    done, replayed = (
        staff.post(f"{PATH}{head.pk}/promote/", reason, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert _code(staff.post(f"{PATH}{second.pk}/promote/", reason)) == (409, "capacity_full")
    assert _code(staff.post(f"{PATH}{head.pk}/promote/", reason)) == (409, "invalid_status")

    assert (done.status_code, done.json()["status"]) == (200, "confirmed")
    assert done.json()["waitlist_position"] is None
    assert replayed.json() == done.json()
    assert AuditEvent.objects.get(action="promoted").details["override_reason"] == "One place more"
    assert b.drift() == {}


def test_a_check_in_promotes_the_waiting_head(
    staff: APIClient, waiting: list[EventRegistration]
) -> None:
    head, second = waiting

    assert _code(staff.post(f"{PATH}{second.pk}/check-in/")) == (409, "not_first_in_queue")
    done = staff.post(f"{PATH}{head.pk}/check-in/")
    assert _code(staff.post(f"{PATH}{second.pk}/check-in/")) == (409, "capacity_full")

    assert (done.status_code, done.json()["status"]) == (200, "checked_in")
    assert done.json()["checked_in_at"] is not None
    assert b.drift() == {}


def test_participants_promote_nobody(waiting: list[EventRegistration]) -> None:
    answer = _participant(waiting[0].household).post(f"{PATH}{waiting[0].pk}/promote/")

    assert _code(answer) == (403, "permission_denied")


def test_after_the_day_participants_are_refused_and_staff_are_not(
    staff: APIClient, household: Household
) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    other = factories.EventSlotFactory()
    EventDate.objects.filter(pk=registration.event_date_id).update(
        event_date_key=factories.in_days(-365)
    )
    own, path = _participant(household), f"{PATH}{registration.pk}/"
    member = household.members.get().pk

    assert _code(own.post(f"{path}cancel/")) == (409, "event_past")
    assert _code(own.post(f"{path}move/", {"event_slot_id": other.pk})) == (409, "event_past")
    assert _code(own.patch(path, {"attendees": [member]})) == (409, "event_past")
    assert staff.post(f"{path}cancel/").json()["status"] == "cancelled"
    assert own.post(f"{path}cancel/").json()["status"] == "cancelled"  # nothing changes


def test_the_token_of_a_deleted_household_cannot_move(household: Household) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    other = factories.EventSlotFactory()
    Household.objects.update(deleted_on=timezone.now())
    own, path = _participant(household), f"{PATH}{registration.pk}/"

    refused = own.post(f"{path}move/", {"event_slot_id": other.pk})

    assert _code(refused) == (403, "household_not_resolved")
    assert b.reserved(other) == 0
    assert own.post(f"{path}cancel/").json()["status"] == "cancelled"


def test_a_refused_newcomer_leaves_the_queue_its_promotion() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    head, newcomer = factories.households(2)
    waits = b.register(head, slot)
    EventSlot.objects.update(capacity=1)
    body = {
        "event_slot_id": slot.pk,
        "attendees": [newcomer.members.get().pk],
        "waitlist": False,
    }

    refused = _participant(newcomer).post(PATH, body, headers={"Idempotency-Key": "k"})

    assert _code(refused) == (409, "capacity_full")
    assert b.status_of(waits) == "confirmed"
    assert b.drift() == {}
