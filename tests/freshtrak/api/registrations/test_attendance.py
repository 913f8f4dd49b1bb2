"""Attendance over HTTP: on which day, and who came."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import AuditEvent
from registrations.models import EventRegistration, EventStatus, Household
from registrations.services import attendance
from schedules.models import EventDate
from tests.registrations.test_attendance_days import public_down
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


@pytest.mark.parametrize("operation", ["check-in", "no-show"])
def test_a_day_to_come_takes_a_reason(
    staff: APIClient, household: Household, operation: str
) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    path = f"{PATH}{registration.pk}/{operation}/"

    refused = staff.post(path)
    blank = staff.post(path, {"override_reason": ""})
    done = staff.post(path, {"override_reason": "Picks up early"})

    assert (refused.status_code, refused.json()["code"]) == (409, "not_today")
    assert "still to come" in refused.json()["detail"]
    assert blank.json()["code"] == "not_today"
    assert done.status_code == 200
    history = staff.get(f"{PATH}{registration.pk}/history/").json()["results"]
    assert history[-1]["details"]["override_reason"] == "Picks up early"


def test_a_past_day_can_be_entered_late(staff: APIClient, household: Household) -> None:
    registration = b.register(household, factories.slot_today())
    EventDate.objects.update(event_date_key=factories.in_days(-1))

    done = staff.post(f"{PATH}{registration.pk}/check-in/")

    assert done.status_code == 200
    assert AuditEvent.objects.get(action="checked_in").details["day"] == "past"


@pytest.mark.real_commits
def test_without_public_check_in_works_and_a_no_show_waits(
    staff: APIClient, household: Household
) -> None:
    path = f"{PATH}{b.register(household, factories.slot_today()).pk}/"

    with public_down():
        absent = staff.post(f"{path}no-show/")
        came = staff.post(f"{path}check-in/")

    assert (absent.status_code, absent.json()["code"]) == (503, "day_unknown")
    assert absent["Retry-After"] == "5"
    assert came.status_code == 200
    assert [each["came"] for each in came.json()["attendees"]] == [True]


def test_each_attendee_says_whether_they_came(staff: APIClient) -> None:
    household = factories.HouseholdFactory(size=3)
    first, second, third = household.members.order_by("pk").values_list("pk", flat=True)
    registration = b.register(household, factories.slot_today())
    path = f"{PATH}{registration.pk}/"

    before = staff.get(path).json()
    done = staff.post(f"{path}check-in/", {"attendees": [first, third]}).json()
    read, (listed,) = staff.get(path).json(), staff.get(PATH).json()["results"]
    own = _participant(household).get(path).json()
    undone = staff.post(f"{path}undo-check-in/").json()

    def came(body: Any) -> dict[int, bool | None]:
        return {each["household_member_id"]: each["came"] for each in body["attendees"]}

    nothing = {first: None, second: None, third: None}
    assert (came(before), before["checked_in_by"]) == (nothing, None)
    assert came(done) == {first: True, second: False, third: True}
    assert done["checked_in_by"] == "99"
    assert read == listed == done
    assert own == {**done, "checked_in_by": None}
    assert (came(undone), undone["checked_in_by"]) == (nothing, None)


def test_of_an_adopted_check_in_nobody_knows_who_came(
    staff: APIClient, household: Household
) -> None:
    registration = b.register(household, factories.slot_today())
    checked_in = EventStatus.objects.get(name="checked_in")
    EventRegistration.objects.update(event_status=checked_in)

    body = staff.get(f"{PATH}{registration.pk}/").json()

    assert body["attendees"][0]["came"] is None
    assert body["checked_in_by"] is None


def test_a_list_takes_a_fixed_number_of_queries(staff: APIClient) -> None:
    slot = factories.slot_today(capacity=100)

    def queries(people: int) -> int:
        for household in factories.households(people):
            attendance.check_in(b.register(household, slot), by=b.STAFF)
        return len(b.statements(lambda: staff.get(f"{PATH}?page_size=100")))

    assert queries(1) == queries(40)
