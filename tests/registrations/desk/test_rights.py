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

GATE = {"check_in", "undo_check_in", "mark_no_show", "give_place", "pass_on"}
ACTIONS = {
    "Front desk": GATE,
    "Coordinator": {*GATE, "move", "promote", "cancel"},
    "Administrator": {*GATE, "move", "promote", "cancel"},
}
GROUPS = list(ACTIONS)


@pytest.fixture
def slot() -> EventSlot:
    today = factories.in_days(0)
    return factories.EventSlotFactory(capacity=1, event_hour__event_date__event_date_key=today)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("action", sorted(ACTIONS["Coordinator"] - {"give_place"}))
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
    if action == "pass_on":
        b.register(factories.households(1)[0], slot)
        desk.confirm(client, "mark_no_show", registration)
        events += 2
    destination = {"date": new_slot.event_hour.event_date_id, "target": f"slot-{new_slot.pk}"}
    data = destination if action == "move" else {"reason": "Did not come"}
    desk.confirm(client, action, registration, **data)

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
    "{registration}/came-today/": GROUPS,
    "days/{date}/walk-in/": GROUPS,
    "days/{date}/delay/": ["Coordinator", "Administrator"],
    "days/{date}/cancel/": ["Coordinator", "Administrator"],
    "days/{date}/places/": GROUPS,
    "days/{date}/places/{registration}/": GROUPS,
    "days/{date}/walk-in/?new=yes": GROUPS,
    "../household/add/": GROUPS,
    "households/{household}/edit/": GROUPS,
    "households/{household}/notes/": GROUPS,
    "{registration}/note/": GROUPS,
    "households/{household}/merge/": ["Administrator"],
    "planning/": GROUPS,
    "report/": ["Coordinator", "Administrator"],
    "report/csv/": ["Coordinator", "Administrator"],
    "report/xlsx/": ["Coordinator", "Administrator"],
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


@pytest.mark.parametrize(
    "action", ["check-in", "undo", "close-out", "close-out/undo", "delay", "cancel"]
)
def test_day_view_actions_need_permission(action: str, slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    path = f"{desk.LIST}days/{registration.event_date_id}/{action}/"

    answer = _without_group().post(path, {"registration": registration.pk})

    assert answer.status_code == 403
    assert "You don't have permission to do this" in desk.text_of(answer)
    assert b.status_of(registration) == "confirmed"


@pytest.mark.parametrize("group", [*GROUPS, "no group"])
def test_places_are_given_by_whom_the_right_allows(group: str, slot: EventSlot) -> None:
    EventSlot.objects.update(capacity=0)
    registration = b.register(factories.households(1)[0], slot)
    EventSlot.objects.update(capacity=1)
    client = _without_group() if group == "no group" else desk.log_in(group)
    member = registration.attendees.get().household_member_id
    path = f"{desk.LIST}days/{registration.event_date_id}/places/{registration.pk}/"

    offered = 'value="give_place"' in client.get(desk.LIST).content.decode()
    answer = client.post(path, {"target": f"slot-{slot.pk}", "attendees": [member]})

    is_allowed = group != "no group"
    assert offered == is_allowed
    assert answer.status_code == (302 if is_allowed else 403)
    assert b.status_of(registration) == ("checked_in" if is_allowed else "waitlisted")


def test_the_address_of_a_button_opens_the_day_and_does_nothing(slot: EventSlot) -> None:
    registration = b.register(factories.households(1)[0], slot)
    anna, the_day = desk.log_in("Front desk"), f"{desk.LIST}days/{registration.event_date_id}/"

    for action in ("check-in", "undo", "close-out/undo"):
        answer = anna.get(f"{the_day}{action}/")
        assert (answer.status_code, answer["Location"]) == (302, the_day)
        assert anna.put(f"{the_day}{action}/").status_code == 405
    assert b.status_of(registration) == "confirmed"


def _without_group() -> Any:
    user = get_user_model().objects.create_user("new", is_staff=True)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("action", ["delay", "cancel"])
def test_the_front_desk_neither_sees_nor_does_what_changes_a_whole_day(
    action: str, slot: EventSlot
) -> None:
    registration = b.register(factories.households(1)[0], slot)
    day = f"{desk.LIST}days/{registration.event_date_id}/"
    form = {"since": "09:00", "minutes": "15", "reason": "x", "number": "1", "confirmed": "yes"}
    anna, carl = desk.log_in("Front desk"), desk.log_in("Coordinator", "carl")

    for page in (day, f"{desk.LIST}planning/"):
        assert f"{day}{action}/" not in anna.get(page).content.decode()
        assert f"{day}{action}/" in carl.get(page).content.decode()
    assert anna.post(f"{day}{action}/", form).status_code == 403
    assert b.status_of(registration) == "confirmed"
