"""What each group may do, checked for every action and every page."""

from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from audit.models import AuditEvent
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import desk, factories

ACTIONS = {
    "Front desk": {"check_in", "undo_check_in", "mark_no_show"},
    "Coordinator": {"check_in", "undo_check_in", "mark_no_show", "move", "promote", "cancel"},
    "Administrator": {"check_in", "undo_check_in", "mark_no_show", "move", "promote", "cancel"},
}
GROUPS = list(ACTIONS)


@pytest.fixture
def slot() -> EventSlot:
    today = factories.in_days(0)
    return factories.EventSlotFactory(capacity=1, event_hour__event_date__event_date_key=today)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("action", sorted(ACTIONS["Coordinator"]))
def test_actions(group: str, action: str, slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    new_slot = factories.EventSlotFactory()
    client = desk.log_in(group)
    events = AuditEvent.objects.count()

    offered = client.get(desk.LIST).content.decode()
    if action == "undo_check_in":
        desk.confirm(client, "check_in", registration)
        events += 1
    if action == "promote":
        registration = b.register(factories.households(1)[0], slot)
        EventSlot.objects.update(capacity=2)
        events += 1
    destination = {"date": new_slot.event_hour.event_date_id, "target": f"slot-{new_slot.pk}"}
    desk.confirm(client, action, registration, **(destination if action == "move" else {}))

    is_allowed = action in ACTIONS[group]
    assert (f'value="{action}"' in offered) == is_allowed
    assert (AuditEvent.objects.count() > events) == is_allowed


PAGES = {
    "": GROUPS,
    "{registration}/change/": GROUPS,
    "days/": GROUPS,
    "days/{date}/": GROUPS,
    "days/{date}/counters/": GROUPS,
    "days/{date}/roster/": GROUPS,
    "days/{date}/close-out/": GROUPS,
    "days/{date}/walk-in/": GROUPS,
    "days/{date}/walk-in/?new=yes": GROUPS,
    "../household/add/": GROUPS,
    "households/{household}/edit/": GROUPS,
    "households/{household}/notes/": GROUPS,
    "{registration}/note/": GROUPS,
    "households/{household}/merge/": ["Administrator"],
    "planning/": GROUPS,
    "add/": ["Coordinator", "Administrator"],
    "{registration}/attendees/": ["Coordinator", "Administrator"],
    "export/csv/": ["Coordinator", "Administrator"],
    "export/xlsx/": ["Coordinator", "Administrator"],
}


@pytest.mark.parametrize("group", [*GROUPS, "no group"])
@pytest.mark.parametrize("page", PAGES)
def test_pages(group: str, page: str, slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    path = page.format(
        registration=registration.pk,
        date=registration.event_date_id,
        household=registration.household_id,
    )
    client = _without_group() if group == "no group" else desk.log_in(group)

    address = urljoin(desk.LIST, path)
    answer = client.get(address, follow=True)

    assert answer.status_code == (200 if group in PAGES[page] else 403)
    assert Client().get(address).status_code == 302  # to the log-in


@pytest.mark.parametrize("action", ["check-in", "undo", "close-out"])
def test_day_view_actions_need_permission(action: str, slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    path = f"{desk.LIST}days/{registration.event_date_id}/{action}/"

    answer = _without_group().post(path, {"registration": registration.pk})

    assert answer.status_code == 403
    assert "You don't have permission to do this" in desk.text_of(answer)
    assert b.status_of(registration) == "confirmed"


def test_day_view_actions_must_be_posted(slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    anna = desk.log_in("Front desk")

    for action in ("check-in", "undo"):
        path = f"{desk.LIST}days/{registration.event_date_id}/{action}/"
        assert anna.get(path).status_code == 405
    assert b.status_of(registration) == "confirmed"


def _without_group() -> Any:
    user = get_user_model().objects.create_user("new", is_staff=True)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client
