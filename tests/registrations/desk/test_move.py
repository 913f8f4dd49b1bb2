"""Moving from the desk: choose a date, choose a slot, see what will happen, confirm."""

import re

from django.test import Client

from registrations.models import EventRegistration
from tests.support import booking as b
from tests.support import desk, factories


def _key(slot: object) -> str:
    return f"slot-{slot.pk}"  # type: ignore[attr-defined]


def _fresh(row: EventRegistration) -> EventRegistration:
    return EventRegistration.objects.get(pk=row.pk)


def test_move_step_by_step() -> None:
    old = factories.EventSlotFactory(capacity=1)
    new = factories.EventSlotFactory(capacity=2, start_time_key=1015, end_time_key=1030)
    abe, bea = (factories.HouseholdFactory(name=name) for name in ("Abe", "Bea"))
    moves, waits = b.register(abe, old), b.register(bea, old)
    coordinator = desk.log_in("Coordinator")
    date = new.event_hour.event_date_id

    dates = desk.act(coordinator, "move", moves)
    slots = desk.act(coordinator, "move", moves, date=date)
    preview = desk.act(coordinator, "move", moves, date=date, target=_key(new))
    untouched = b.status_of(moves), b.status_of(waits)
    result = desk.confirm(coordinator, "move", moves, date=date, target=_key(new))

    assert new.event_hour.event_date.event.event_name in dates
    assert "10:15 a.m.–10:30 a.m." in slots
    assert "2 free" in slots
    assert f"1 → 1 Bea {waits.confirmation_code}" in preview
    assert "0 → 1 nobody" in preview
    assert untouched == ("confirmed", "waitlisted")
    assert "1 moved." in result
    assert b.status_of(waits) == "confirmed"
    assert (b.reserved(old), b.reserved(new)) == (1, 1)
    assert b.drift() == {}


def test_move_of_more_than_the_slot_takes_names_who_stays() -> None:
    old = factories.EventSlotFactory(capacity=2)
    new = factories.EventSlotFactory(capacity=1)
    rows = [b.register(household, old) for household in factories.households(2)]
    coordinator = desk.log_in("Coordinator")
    chosen = {"date": new.event_hour.event_date_id, "target": _key(new)}

    preview = desk.act(coordinator, "move", *rows, **chosen)
    result = desk.confirm(coordinator, "move", *rows, **chosen)

    assert "1 of 2 moves. 1 stays where it is: no place left at 9:30 a.m." in preview
    assert "2 → 1 nobody" in preview
    assert "0 → 1 nobody" in preview
    assert "1 moved." in result
    code = rows[1].confirmation_code
    assert f"{code} ({rows[1].household}): no place left at 9:30 a.m." in result
    assert [b.target_of(new) == _fresh(row).target for row in rows] == [True, False]
    assert (b.reserved(old), b.reserved(new)) == (1, 1)
    assert b.drift() == {}


def test_move_to_a_closed_date_needs_a_reason() -> None:
    registration = b.register(factories.households(1)[0], factories.EventSlotFactory())
    closed = factories.EventSlotFactory(event_hour__event_date__accept_reservations=0)
    coordinator = desk.log_in("Coordinator")
    chosen = {"date": closed.event_hour.event_date_id, "target": _key(closed)}

    offered = desk.act(coordinator, "move", registration, date=chosen["date"])
    refused = desk.confirm(coordinator, "move", registration, **chosen)
    moved = desk.confirm(coordinator, "move", registration, **chosen, reason="the truck broke down")

    assert "This date takes no reservations. Enter a reason below to continue anyway" in offered
    assert "This date takes no reservations." in refused
    assert "1 moved." in moved
    assert b.reserved(closed) == 1


def test_move_asks_for_a_date_and_one_of_its_slots() -> None:
    registration = b.register(factories.households(1)[0], factories.EventSlotFactory())
    slot = factories.EventSlotFactory()
    coordinator = desk.log_in("Coordinator")
    date = slot.event_hour.event_date_id

    elsewhere = desk.act(coordinator, "move", registration, date=date, target="slot-1")
    nothing = desk.act(coordinator, "move", registration, date=date, target="")
    no_date = desk.act(coordinator, "move", registration, date="x", target="slot-1")

    assert "Choose one of the slots shown" in elsewhere
    assert "Choose a slot" in nothing
    assert "Choose a date" in no_date


def test_of_many_the_oldest_move_and_one_message_names_the_rest() -> None:
    old = factories.EventSlotFactory(capacity=23)
    new = factories.EventSlotFactory(capacity=4, start_time_key=1000, end_time_key=1015)
    rows = [b.register(household, old) for household in factories.households(23)]
    carl = desk.log_in("Coordinator")
    chosen = {"date": new.event_hour.event_date_id, "target": _key(new)}

    preview = desk.act(carl, "move", *rows[::-1], **chosen)
    answer = carl.post(
        desk.LIST,
        {"action": "move", "_selected_action": [row.pk for row in rows], "confirmed": "yes"}
        | chosen,
        follow=True,
    )

    assert "4 of 23 move. 19 stay where they are: no place left at 10 a.m." in preview
    assert "23 → 19 nobody" in preview
    assert "0 → 4 nobody" in preview
    assert preview.index(rows[0].confirmation_code) < preview.index(rows[22].confirmation_code)
    result = desk.text_of(answer)
    assert "4 moved." in result
    assert "19 stay where they are: no place left at 10 a.m. (" in result
    assert "and 14 more)" in result
    assert answer.content.decode().count('class="error"') == 1
    moved = [row for row in rows if _fresh(row).event_slot_id == new.pk]
    assert moved == rows[:4]
    assert (b.reserved(old), b.reserved(new), b.drift()) == (19, 4, {})


def test_selected_waiters_do_not_count_as_promoted() -> None:
    old = factories.EventSlotFactory(capacity=2)
    new = factories.EventSlotFactory(capacity=9)
    names = ("Abe", "Bea", "Cid", "Dee", "Eve")
    rows = [b.register(factories.HouseholdFactory(name=name), old) for name in names]
    carl = desk.log_in("Coordinator")
    chosen = {"date": new.event_hour.event_date_id, "target": _key(new)}
    four = rows[:2] + rows[3:]

    preview = desk.act(carl, "move", *four, **chosen)
    desk.confirm(carl, "move", *four, **chosen)

    assert f"2 → 1 Cid {rows[2].confirmation_code}" in preview
    assert "0 → 4 nobody" in preview
    assert [_fresh(row).event_slot_id == new.pk for row in rows] == [True, True, False, True, True]
    assert (b.reserved(old), b.reserved(new), b.drift()) == (1, 4, {})


def test_the_waitlist_can_stay_where_a_slot_is_emptied() -> None:
    old = factories.EventSlotFactory(capacity=2)
    new = factories.EventSlotFactory(capacity=9)
    rows = [b.register(household, old) for household in factories.households(4)]
    carl = desk.log_in("Coordinator")
    chosen = {"date": new.event_hour.event_date_id, "target": _key(new)}

    offers = {count: _checkbox(carl, rows[:count], date=chosen["date"]) for count in (1, 2)} | {
        4: _checkbox(carl, rows, date=chosen["date"])
    }
    preview = desk.act(carl, "move", *rows[:2], **chosen, keep_queue="yes")
    desk.confirm(carl, "move", *rows[:2], **chosen, keep_queue="yes")

    assert offers == {1: "not checked", 2: "checked", 4: "not offered"}
    assert "2 → 0 nobody: 2 keep waiting" in preview
    assert 'name="keep_queue"' not in preview
    assert [b.status_of(row) for row in rows] == ["confirmed"] * 2 + ["waitlisted"] * 2
    assert (b.reserved(old), b.reserved(new), b.drift()) == (0, 2, {})


def _checkbox(client: Client, rows: list[EventRegistration], **data: object) -> str:
    chosen = {"action": "move", "_selected_action": [row.pk for row in rows], **data}
    html = client.post(desk.LIST, chosen).content.decode()
    if not (box := re.search(r'<input type="checkbox" name="keep_queue"[^>]*>', html)):
        return "not offered"
    return "checked" if "checked" in box[0] else "not checked"


def test_who_has_another_registration_on_that_day_stays() -> None:
    old, new = factories.EventSlotFactory.create_batch(2, capacity=9)
    rows = [b.register(household, old) for household in factories.households(3)]
    same_day = factories.EventSlotFactory(event_hour=new.event_hour)
    for row in rows[:2]:
        b.register(row.household, same_day)
    carl = desk.log_in("Coordinator")
    chosen = {"date": new.event_hour.event_date_id, "target": _key(new)}

    preview = desk.act(carl, "move", *rows, **chosen)
    result = desk.confirm(carl, "move", *rows, **chosen)

    reason = "2 stay where they are: The household already has a registration on this date."
    assert f"1 of 3 moves. {reason}" in preview
    assert "3 → 2" in preview
    assert reason in result
    assert (b.reserved(old), b.reserved(new), b.drift()) == (2, 1, {})
