"""Moving from the desk: choose a date, choose a slot, see what will happen, confirm."""

from tests.support import booking as b
from tests.support import desk, factories


def _key(slot: object) -> str:
    return f"slot-{slot.pk}"  # type: ignore[attr-defined]


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

    assert "0 → 1 nobody" in preview
    assert "1 moved." in result
    assert "No place is left" in result
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
