"""Staff over HTTP: the desk and the gate; and what participants may not do there."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import AuditEvent, CheckIn
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


def _ids(client: APIClient, query: str) -> list[int]:
    response = client.get(f"{PATH}?{query}")
    assert response.status_code == 200, response.json()
    return [row["id"] for row in response.json()["results"]]


def test_list_filters(staff: APIClient) -> None:
    soon, later = factories.EventSlotFactory(capacity=1), factories.EventDateFactory()
    EventDate.objects.filter(pk=later.pk).update(event_date_key=factories.in_days(20))
    past = factories.EventSlotFactory()
    one, other = factories.households(2)
    held, waits = b.register(one, soon), b.register(other, soon)
    far, gone = b.register(one, later), b.register(one, past)
    EventDate.objects.filter(pk=gone.event_date_id).update(event_date_key=factories.in_days(-2))
    days = [(factories.today() + timedelta(days=n)).isoformat() for n in (5, 10)]

    assert _ids(staff, "") == [gone.pk, far.pk, waits.pk, held.pk]
    assert _ids(staff, "ordering=created_at") == [held.pk, waits.pk, far.pk, gone.pk]
    assert _ids(staff, "status=waitlisted") == [waits.pk]
    assert _ids(staff, f"event_slot_id={soon.pk}") == [waits.pk, held.pk]
    assert _ids(staff, f"event_date_id={later.pk}") == [far.pk]
    assert _ids(staff, f"event_id={later.event_id}") == [far.pk]
    assert _ids(staff, f"household_id={other.pk}") == [waits.pk]
    assert _ids(staff, "when=past") == [gone.pk]
    assert _ids(staff, "when=upcoming&status=confirmed") == [far.pk, held.pk]
    assert _ids(staff, f"date_from={days[0]}&date_to={days[1]}") == [waits.pk, held.pk]


def test_list_search(staff: APIClient) -> None:
    johnson = factories.HouseholdFactory(name="Johnson", size=0)
    factories.MemberFactory(household=johnson, first_name="Ann", last_name="Smith")
    other = factories.HouseholdFactory(name="Rivera")
    slot = factories.EventSlotFactory(capacity=2)
    one, two = b.register(johnson, slot), b.register(other, slot)

    assert _ids(staff, "search=johns") == _ids(staff, "search=smith") == [one.pk]
    assert _ids(staff, f"search={two.confirmation_code.lower()}") == [two.pk]
    assert _ids(staff, "search=%20") == [two.pk, one.pk]
    assert _ids(_participant(johnson), "search=Rivera") == []


@pytest.mark.parametrize(
    "query", ["status=lost", "event_id=x", "when=never", "date_from=today", "ordering=name"]
)
def test_list_refuses_invalid_filters(staff: APIClient, query: str) -> None:
    response = staff.get(f"{PATH}?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert response.json()["errors"][0]["field"] == query.split("=")[0]


def test_attendees_can_be_changed(household: Household) -> None:
    new = factories.MemberFactory(household=household)
    registration = b.register(household, factories.EventSlotFactory())
    path = f"{PATH}{registration.pk}/"

    changed = _participant(household).patch(path, {"attendees": [new.pk]})
    refused = _participant(household).patch(path, {"attendees": [4711]})

    assert changed.status_code == 200
    assert [a["household_member_id"] for a in changed.json()["attendees"]] == [new.pk]
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert _status(changed) == "confirmed"


def _status(response: Any) -> str:
    return str(response.json()["status"])


def test_check_in_undo_and_no_show(staff: APIClient, household: Household) -> None:
    registration = b.register(household, factories.slot_today())
    path = f"{PATH}{registration.pk}/"

    first = staff.post(f"{path}check-in/")
    second = staff.post(f"{path}check-in/")
    undone = staff.post(f"{path}undo-check-in/")
    absent = staff.post(f"{path}no-show/")

    assert (first.status_code, _status(first)) == (200, "checked_in")
    assert first.json()["checked_in_at"] is not None
    assert (second.status_code, second.json()["code"]) == (409, "already_checked_in")
    assert second.json()["checked_in_by"] == "99"
    assert second.json()["checked_in_at"] == first.json()["checked_in_at"]
    assert _status(undone) == "confirmed"
    assert _status(absent) == "no_show"


def test_check_in_of_a_cancelled_registration_is_refused(
    staff: APIClient, household: Household
) -> None:
    registration = b.cancel(b.register(household, factories.EventSlotFactory()))

    response = staff.post(f"{PATH}{registration.pk}/check-in/")

    assert (response.status_code, response.json()["code"]) == (409, "invalid_status")


def test_check_in_with_a_key_can_be_repeated(staff: APIClient, household: Household) -> None:
    path = f"{PATH}{b.register(household, factories.slot_today()).pk}/check-in/"

    first, second = (staff.post(path, headers={"Idempotency-Key": "k"}) for _ in range(2))

    assert second.json() == first.json()
    assert second["Idempotency-Replayed"] == "true"
    assert CheckIn.objects.count() == 1


def test_check_ins_are_listed_with_their_appointment(
    staff: APIClient, household: Household
) -> None:
    slot, gone = factories.slot_today(), factories.slot_today()
    first, second = b.register(household, slot), b.register(household, gone)
    for registration in (first, second):
        staff.post(f"{PATH}{registration.pk}/check-in/")
    EventSlot.objects.filter(pk=gone.pk).delete()

    newest, oldest = staff.get("/api/v1/check-ins/").json()["results"]

    assert (newest["registration_id"], newest["schedule"]) == (second.pk, None)
    assert oldest["schedule"]["event_name"] == slot.event_hour.event_date.event.event_name
    assert (oldest["action"], oldest["by"], oldest["attendee_count"]) == ("check_in", "99", 1)
    filtered = staff.get(f"/api/v1/check-ins/?registration_id={first.pk}").json()
    assert filtered["count"] == 1


def test_check_ins_run_a_fixed_number_of_queries(staff: APIClient) -> None:
    slot = factories.slot_today(capacity=100)

    def statements(people: int) -> list[str]:
        for household in factories.households(people):
            staff.post(f"{PATH}{b.register(household, slot).pk}/check-in/")
        return b.statements(lambda: staff.get("/api/v1/check-ins/?page_size=100"))

    few, many = statements(1), statements(40)

    assert len(few) == len(many)
    assert sum("event_slots" in sql for sql in many) == 1


def test_history_shows_participants_what_happened_and_staff_who_did_it(
    staff: APIClient, household: Household
) -> None:
    registration = b.cancel(b.register(household, factories.EventSlotFactory()))
    path = f"{PATH}{registration.pk}/history/"

    seen = staff.get(path).json()["results"]
    own = _participant(household).get(path).json()["results"]

    assert [event["action"] for event in seen] == ["registered", "cancelled"]
    assert [event["actor"] for event in seen] == ["participant 7"] * 2
    assert [event["actor"] for event in own] == [None, None]


def test_override_is_for_staff_and_goes_into_the_trail(
    staff: APIClient, household: Household
) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__accept_reservations=0)
    body = {
        "event_slot_id": slot.pk,
        "household_id": household.pk,
        "attendees": [household.members.get().pk],
        "override_reason": "Came in person",
    }

    refused = _participant(household).post(PATH, body)
    booked = staff.post(PATH, body)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert booked.status_code == 201
    assert AuditEvent.objects.get().details["override_reason"] == "Came in person"


def test_household_me_shows_the_callers_members(household: Household) -> None:
    head = factories.MemberFactory(household=household, is_head_of_household=True)
    factories.MemberFactory(household=household, is_active=False)

    answer = _participant(household).get("/api/v1/households/me/").json()

    first, second = answer["members"]
    assert (answer["id"], answer["name"]) == (household.pk, household.name)
    assert (first["household_member_id"], first["is_head_of_household"]) == (head.pk, True)
    assert second["is_head_of_household"] is False


def test_qr_code_and_calendar(household: Household) -> None:
    slot = factories.EventSlotFactory(end_time_key=2400, start_time_key=2345)
    registration = b.register(household, slot)
    client = _participant(household)

    picture = client.get(f"{PATH}{registration.pk}/qr.svg")
    calendar = client.get(f"{PATH}{registration.pk}/calendar.ics")

    assert picture["Content-Type"] == "image/svg+xml"
    assert b"<svg" in picture.content
    text = calendar.content.decode()
    day = factories.in_days(7)
    assert f"DTSTART;TZID=America/New_York:{day}T234500" in text
    assert f"DTEND;TZID=America/New_York:{factories.in_days(8)}T000000" in text
    assert registration.confirmation_code in text
    assert "BEGIN:VTIMEZONE" in text


def test_calendar_of_a_deleted_slot_is_not_found(household: Household) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    EventSlot.objects.all().delete()

    response = _participant(household).get(f"{PATH}{registration.pk}/calendar.ics")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert EventRegistration.objects.exists()
