"""What staff do from the admin: a page that says what will happen, then the service."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import OperationalError, connections
from django.test import Client

from audit.models import AuditEvent, CheckIn
from freshtrak.databases import PUBLIC
from registrations.models import EventRegistration
from tests import booking as b
from tests import factories

LIST = "/admin/registrations/eventregistration/"


def _log_in(group: str) -> Client:
    user = get_user_model().objects.create_user("anna", password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _act(client: Client, action: str, *rows: EventRegistration, **data: str) -> Any:
    chosen = [row.pk for row in rows]
    return client.post(LIST, {"action": action, "_selected_action": chosen, **data}, follow=True)


def _confirm(client: Client, action: str, *rows: EventRegistration) -> str:
    return str(_act(client, action, *rows, confirmed="yes").content.decode())


def test_check_in_undo_and_no_show() -> None:
    registration = b.register(factories.households(1)[0], factories.EventSlotFactory())
    desk = _log_in("Front desk")

    asked = _act(desk, "check_in", registration).content.decode()
    assert "No counter moves" in asked
    assert b.status_of(registration) == "confirmed"

    assert "1 checked in." in _confirm(desk, "check_in", registration)
    assert "already" in _confirm(desk, "check_in", registration)
    assert "1 taken back." in _confirm(desk, "undo_check_in", registration)
    assert "1 marked as no-show." in _confirm(desk, "mark_no_show", registration)
    assert b.status_of(registration) == "no_show"
    assert CheckIn.objects.count() == 2
    assert AuditEvent.objects.filter(actor_kind="staff").count() == 3


def test_cancel_says_what_it_will_do_and_does_it() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    households = [factories.HouseholdFactory(name=name) for name in ("Abe", "Bea", "Cid")]
    one, other, waits = (b.register(household, slot) for household in households)
    coordinator = _log_in("Coordinator")

    asked = _act(coordinator, "cancel", one, other).content.decode()
    said = _confirm(coordinator, "cancel", one, other)

    assert f"Counter of slot {slot.pk}: 2 → 1." in asked
    assert "Moving up from the queue: Cid." in asked
    assert "2 cancelled." in said
    assert b.status_of(waits) == "confirmed"
    assert b.reserved(slot) == 1
    assert b.drift() == {}


def test_one_that_is_refused_holds_up_no_other() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    here, away = (b.register(household, slot) for household in factories.households(2))
    coordinator = _log_in("Coordinator")
    _confirm(coordinator, "check_in", here)

    asked = _act(coordinator, "cancel", here, away).content.decode()
    said = _confirm(coordinator, "cancel", here, away)

    assert "Is checked_in: will be refused." in asked
    assert here.confirmation_code in said
    assert "1 cancelled." in said
    assert [b.status_of(here), b.status_of(away)] == ["checked_in", "cancelled"]
    assert b.drift() == {}


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("Front desk", {"check_in", "undo_check_in", "mark_no_show"}),
        ("Coordinator", {"check_in", "undo_check_in", "mark_no_show", "cancel"}),
        ("Administrator", {"check_in", "undo_check_in", "mark_no_show", "cancel"}),
    ],
)
def test_groups_may_do_what_they_may(group: str, may: set[str]) -> None:
    slot = factories.EventSlotFactory(capacity=4)
    client = _log_in(group)
    offered = client.get(LIST).content.decode()

    for action in ("check_in", "undo_check_in", "mark_no_show", "cancel"):
        assert (f'value="{action}"' in offered) == (action in may)
    registration = b.register(factories.households(1)[0], slot)
    _confirm(client, "cancel", registration)
    assert b.status_of(registration) == ("cancelled" if "cancel" in may else "confirmed")


def test_staff_without_a_group_see_nothing() -> None:
    get_user_model().objects.create_user("new", password="x", is_staff=True)
    client = Client()
    client.force_login(
        get_user_model().objects.get(), backend="django.contrib.auth.backends.ModelBackend"
    )

    assert client.get(LIST).status_code == 403


@pytest.mark.real_commits
def test_without_public_the_page_opens_and_the_refusal_is_said() -> None:
    registration = b.register(factories.households(1)[0], factories.EventSlotFactory())
    user = get_user_model().objects.create_superuser("anna", password="x")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    with connections[PUBLIC].execute_wrapper(no_answer):
        listed = client.get(LIST)
        asked = _act(client, "cancel", registration)
        said = _confirm(client, "cancel", registration)
        checked_in = _confirm(client, "check_in", registration)

    assert (listed.status_code, asked.status_code) == (200, 200)
    assert "A database does not answer." in said
    assert "1 checked in." in checked_in
    assert b.drift() == {}
