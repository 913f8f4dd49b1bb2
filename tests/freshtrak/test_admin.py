"""The admin shows everything; only the desk's own pages change anything."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connections
from django.test import Client

from audit.models import AuditEvent
from freshtrak.databases import PRIVATE
from registrations.models import Household
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import desk, factories

PAGES = [
    "registrations/eventregistration",
    "registrations/household",
    "registrations/eventstatus",
    "schedules/event",
    "schedules/eventdate",
    "schedules/eventhour",
    "schedules/eventslot",
    "audit/auditevent",
    "audit/checkin",
]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(
        get_user_model().objects.create_superuser("root", password="x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def _text(client: Client, path: str) -> str:
    response = client.get(f"/admin/{path}")
    assert response.status_code == 200, path
    return response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_lists_run_a_fixed_number_of_queries(admin: Client, page: str) -> None:
    slot = factories.EventSlotFactory(capacity=1)

    def statements(people: int) -> int:
        for household in factories.households(people):
            b.register(household, slot)
            factories.EventSlotFactory()
        return len(b.statements(lambda: _text(admin, f"{page}/")))

    statements(2)
    few = statements(1)
    assert statements(40) == few


def test_registrations_show_household_appointment_and_queue(admin: Client) -> None:
    slot = factories.EventSlotFactory(capacity=0)
    johnson = factories.HouseholdFactory(name="Johnson")
    other = factories.HouseholdFactory(name="Rivera")
    registration = b.register(johnson, slot)
    b.register(other, slot)

    everything = _text(admin, "registrations/eventregistration/")
    by_name = _text(admin, "registrations/eventregistration/?q=johns")
    by_code = _text(admin, f"registrations/eventregistration/?q={registration.confirmation_code}")

    assert "Rivera" in everything
    assert slot.event_hour.event_date.event.event_name in everything
    for page in (by_name, by_code):
        assert "Johnson" in page
        assert "Rivera" not in page


def test_nothing_can_be_added_changed_or_deleted(admin: Client, household: Household) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    event = AuditEvent.objects.get()
    rows: list[tuple[str, Any]] = [
        ("registrations/eventregistration", registration),
        ("registrations/household", household),
        ("schedules/eventslot", EventSlot.objects.get()),
        ("audit/auditevent", event),
    ]

    for page, row in rows:
        _text(admin, f"{page}/{row.pk}/change/")
        if row not in (registration, household):  # staff do enter these: registrations/desk/
            assert admin.get(f"/admin/{page}/add/").status_code == 403
        assert admin.post(f"/admin/{page}/{row.pk}/change/", {}).status_code == 403
        assert admin.post(f"/admin/{page}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_households_show_members_and_registrations(admin: Client, household: Household) -> None:
    registration = b.register(household, factories.EventSlotFactory())

    page = _text(admin, f"registrations/household/{household.pk}/change/")

    assert registration.confirmation_code in page
    assert f"add/?household={household.pk}" in page
    assert household.members.get().first_name in page


def test_schedules_link_to_their_registrations(admin: Client, household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=4)
    b.register(household, slot)
    day = slot.event_hour.event_date

    assert f"?event_slot_id={slot.pk}" in _text(admin, "schedules/eventslot/")
    assert f"?event_id={day.event_id}" in _text(admin, "schedules/event/")
    assert f"days/{day.pk}/" in _text(admin, "schedules/eventdate/")
    assert "1 of 4" in _text(admin, "schedules/eventslot/")


def test_the_trail_can_be_searched_by_who_what_and_when(
    admin: Client, household: Household
) -> None:
    slot = factories.EventSlotFactory(capacity=4)
    registration = b.register(household, slot)
    carl = desk.log_in("Coordinator", "carl")
    desk.confirm(carl, "cancel", registration)
    b.register(factories.households(1)[0], slot)

    def actions(query: str) -> tuple[int, int]:
        page = _text(admin, f"audit/auditevent/?{query}")
        return page.count('field-what">Registered<'), page.count('field-what">Cancelled<')

    assert actions("") == (2, 1)
    assert actions("q=carl") == (0, 1)
    assert actions(f"q={registration.confirmation_code}") == (1, 1)
    assert actions("action__exact=cancelled") == (0, 1)
    assert actions("actor_kind=staff") == (0, 1)
    assert actions(f"at__gte={factories.today() + timedelta(days=3)}T00:00Z") == (0, 0)


@pytest.mark.real_commits
def test_a_page_whose_database_is_down_says_so(admin: Client) -> None:
    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PRIVATE].execute_wrapper(no_answer):
        response = admin.get("/admin/registrations/household/")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Temporarily unavailable" in response.content.decode()


def test_log_in_is_throttled_whatever_the_name() -> None:
    client = Client()

    answers = [
        client.post("/admin/login/", {"username": f"name{n}", "password": "x"}) for n in range(21)
    ]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "Too many log-ins" in answers[-1].content.decode()
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_log_in_is_locked_after_repeated_failures() -> None:
    get_user_model().objects.create_superuser("root", password="right")
    client = Client()

    for password in ["wrong"] * 5:
        client.post("/admin/login/", {"username": "root", "password": password})
    locked = client.post("/admin/login/", {"username": "root", "password": "right"})

    assert locked.status_code == 429
