"""Somebody waits and a place is free: staff give it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent, CheckIn
from registrations.errors import (
    AlreadyCheckedIn,
    CapacityFull,
    EventPast,
    InvalidRequest,
    InvalidStatus,
    NobodyWaits,
    NotFirstInQueue,
    NotPublished,
    NotToday,
    RegistrationClosed,
    RegistrationError,
    SlotRequired,
)
from registrations.models import EventRegistration, Household, HouseholdMember
from registrations.services import attendance, places, waitlist
from schedules.models import EventDate, EventHour, EventSlot
from schedules.targets import Target
from tests.support import booking as b
from tests.support import factories


@pytest.fixture
def hour() -> EventHour:
    """Of today; booking is open until `_close`."""
    made: EventHour = factories.EventHourFactory(
        event_date__event_date_key=factories.in_days(0), event_date__capacity=20
    )
    return made


def _slot(hour: EventHour, capacity: int = 0, **times: int) -> EventSlot:
    made: EventSlot = factories.EventSlotFactory(event_hour=hour, capacity=capacity, **times)
    return made


def _close() -> None:
    EventDate.objects.update(published_end_datetime=timezone.now() - timedelta(minutes=1))


def _raise_capacity(slot: EventSlot, capacity: int) -> None:
    EventSlot.objects.filter(pk=slot.pk).update(capacity=capacity)


def _waiting(slot: EventSlot | EventDate, count: int) -> list[EventRegistration]:
    return [b.register(household, slot) for household in factories.households(count)]


def _read(registration: EventRegistration) -> EventRegistration:
    return EventRegistration.objects.get(pk=registration.pk)


def _give(registration: EventRegistration, **options: Any) -> EventRegistration:
    return attendance.check_in_waiting(_read(registration), by=b.STAFF, **options)


def _pass_on(registration: EventRegistration, reason: str = "Did not come") -> EventRegistration:
    return places.pass_on(_read(registration), reason=reason, by=b.STAFF)


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


def _details(registration: EventRegistration, action: str) -> Any:
    return AuditEvent.objects.get(registration_id=registration.pk, action=action).details


def _statuses(rows: Iterable[EventRegistration]) -> list[str]:
    return [b.status_of(row) for row in rows]


def _no_show(slot: EventSlot) -> EventRegistration:
    registration = b.register(factories.households(1)[0], slot)
    return attendance.mark_no_show(_read(registration), by=b.STAFF)


# A place and a check-in -----------------------------------------------------------------


def test_the_head_of_the_queue_gets_the_place_after_closing(hour: EventHour) -> None:
    slot = _slot(hour)
    head, next_ = _waiting(slot, 2)
    _raise_capacity(slot, 1)
    _close()

    _give(head)

    assert _statuses([head, next_]) == ["checked_in", "waitlisted"]
    assert _trail(head) == [("waitlisted", 0), ("promoted", 1), ("checked_in", 0)]
    assert _details(head, "promoted") == {}
    assert (CheckIn.objects.get().registration_id, b.reserved(slot)) == (head.pk, 1)
    assert b.drift() == {}


def test_a_check_in_of_the_waiting_head_takes_the_free_place(hour: EventHour) -> None:
    slot = _slot(hour)
    head, next_ = _waiting(slot, 2)
    _raise_capacity(slot, 1)
    _close()

    with pytest.raises(NotFirstInQueue):
        attendance.check_in(_read(next_), by=b.STAFF)
    attendance.check_in(_read(head), by=b.STAFF)
    with pytest.raises(CapacityFull):
        attendance.check_in(_read(next_), by=b.STAFF)

    assert _statuses([head, next_]) == ["checked_in", "waitlisted"]
    assert b.drift() == {}


def test_passing_others_by_needs_a_reason_which_the_trail_keeps(hour: EventHour) -> None:
    slot = _slot(hour)
    first, second, third = _waiting(slot, 3)
    _raise_capacity(slot, 1)
    _close()
    before = AuditEvent.objects.count()

    with pytest.raises(NotFirstInQueue):
        _give(third)
    assert AuditEvent.objects.count() == before
    _give(third, reason="Stands here with a newborn")

    assert _statuses([first, second, third]) == ["waitlisted", "waitlisted", "checked_in"]
    assert _details(third, "promoted") == {"passed_by": 2, "reason": "Stands here with a newborn"}
    assert b.drift() == {}


def test_who_leaves_a_place_for_each_who_waits_longer_passes_nobody_by(hour: EventHour) -> None:
    slot = _slot(hour)
    first, second, third = _waiting(slot, 3)
    _raise_capacity(slot, 2)
    _close()

    _give(second)

    assert _statuses([first, second, third]) == ["waitlisted", "checked_in", "waitlisted"]
    with pytest.raises(NotFirstInQueue):
        _give(third)
    _give(first)
    assert b.reserved(slot) == 2
    assert b.drift() == {}


def test_households_that_cannot_come_are_not_passed_by(hour: EventHour) -> None:
    slot = _slot(hour)
    gone, next_ = _waiting(slot, 2)
    Household.objects.filter(pk=gone.household_id).update(deleted_on=timezone.now())
    _raise_capacity(slot, 1)
    _close()

    _give(next_)

    assert _details(next_, "promoted") == {}
    with pytest.raises(InvalidStatus):
        _give(gone)


def test_a_place_at_another_slot_of_the_day_is_one_operation(hour: EventHour) -> None:
    full, free = _slot(hour), _slot(hour, capacity=2, start_time_key=1000, end_time_key=1015)
    first, second = _waiting(full, 2)
    _close()

    given = _give(second, target=Target.slot(free.pk))

    assert given.event_slot_id == _read(second).event_slot_id == free.pk
    assert _statuses([first, second]) == ["waitlisted", "checked_in"]
    assert _trail(second) == [
        ("waitlisted", 0),
        ("moved_from", 0),
        ("moved_to", 1),
        ("checked_in", 0),
    ]
    assert _details(second, "moved_to") == {}
    assert (b.queue(full), b.reserved(full), b.reserved(free)) == ([first.household_id], 0, 1)
    assert b.drift() == {}


def test_who_waits_at_the_other_slot_comes_first_there(hour: EventHour) -> None:
    full, free = _slot(hour), _slot(hour)
    (mover,), (there,) = _waiting(full, 1), _waiting(free, 1)
    _raise_capacity(free, 1)
    _close()

    with pytest.raises(NotFirstInQueue):
        _give(mover, target=Target.slot(free.pk))
    _give(mover, target=Target.slot(free.pk), reason="The other has left")

    assert _statuses([mover, there]) == ["checked_in", "waitlisted"]
    assert _details(mover, "moved_to") == {"passed_by": 1, "reason": "The other has left"}
    assert b.drift() == {}


def test_while_booking_is_open_the_rest_goes_to_the_queue(hour: EventHour) -> None:
    slot = _slot(hour)
    first, second, third = _waiting(slot, 3)
    _raise_capacity(slot, 2)

    _give(second)

    assert _statuses([first, second, third]) == ["confirmed", "checked_in", "waitlisted"]
    assert b.drift() == {}


def test_a_date_without_slots() -> None:
    day = factories.EventDateFactory(event_date_key=factories.in_days(0), capacity=0)
    (head,) = _waiting(day, 1)
    EventDate.objects.update(capacity=1)
    _close()

    _give(head)

    assert (b.status_of(head), b.reserved(day), b.drift()) == ("checked_in", 1, {})


def test_a_queue_for_a_date_that_has_slots_by_now_gets_one_of_those() -> None:
    day = factories.EventDateFactory(event_date_key=factories.in_days(0), capacity=0)
    (head,) = _waiting(day, 1)
    EventDate.objects.update(capacity=5)
    slot = _slot(factories.EventHourFactory(event_date=day), capacity=1)

    with pytest.raises(SlotRequired):
        _give(head)
    _give(head, target=Target.slot(slot.pk))

    assert _read(head).event_slot_id == slot.pk
    # The slot rolls up on the date.
    assert (b.reserved(slot), b.reserved(day), b.drift()) == (1, 1, {})


# Tests that do not commit take place on 17 June 2026.
REFUSED: dict[str, tuple[dict[str, int], type[RegistrationError]]] = {
    "a day to come": ({"event_date_key": 20260618}, NotToday),
    "a day that is over": ({"event_date_key": 20260616}, EventPast),
    "a date that is not published": ({"status_publish": 0}, NotPublished),
}


@pytest.mark.parametrize("case", REFUSED)
def test_places_are_given_on_the_day(hour: EventHour, case: str) -> None:
    changes, refusal = REFUSED[case]
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)
    EventDate.objects.update(**changes)

    with pytest.raises(refusal):
        _give(head)

    assert (b.status_of(head), b.reserved(slot)) == ("waitlisted", 0)


def test_with_a_reason_also_at_a_date_that_is_not_published(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)
    EventDate.objects.update(status_publish=0)

    _give(head, reason="Unpublished to close booking")

    assert _details(head, "promoted") == {"reason": "Unpublished to close booking"}


def test_no_reason_overrides_capacity(hour: EventHour) -> None:
    (head,) = _waiting(_slot(hour), 1)

    with pytest.raises(CapacityFull):
        _give(head, reason="Please")

    assert b.status_of(head) == "waitlisted"


def test_a_slot_of_another_date_is_refused(hour: EventHour) -> None:
    (head,) = _waiting(_slot(hour), 1)
    other = factories.EventDateFactory(event_date_key=factories.in_days(0))
    elsewhere = _slot(factories.EventHourFactory(event_date=other), capacity=1)

    with pytest.raises(InvalidRequest):
        _give(head, target=Target.slot(elsewhere.pk))


def test_a_registration_of_which_nobody_is_left_gets_no_place(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)
    HouseholdMember.objects.update(is_active=False)

    with pytest.raises(InvalidStatus):
        _give(head)


def test_an_attendee_that_is_none_takes_the_place_back(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)
    _close()

    with pytest.raises(InvalidRequest):
        _give(head, attendee_ids=[4711])

    assert (b.status_of(head), b.queue(slot)) == ("waitlisted", [head.household_id])
    assert not CheckIn.objects.exists()
    assert b.drift() == {}


def test_who_has_a_place_by_now_is_checked_in_there(hour: EventHour) -> None:
    slot, other = _slot(hour), _slot(hour, capacity=1)
    (head,) = _waiting(slot, 1)
    as_read = _read(head)
    _raise_capacity(slot, 1)
    waitlist.promote(Target.slot(slot.pk), by=b.STAFF)

    attendance.check_in_waiting(as_read, target=Target.slot(other.pk), by=b.STAFF)

    assert (b.status_of(head), _read(head).event_slot_id) == ("checked_in", slot.pk)
    with pytest.raises(AlreadyCheckedIn):
        _give(head)
    assert b.drift() == {}


# Promotion after closing ----------------------------------------------------------------


def test_promotion_after_closing_needs_a_reason_and_holds_the_queue(hour: EventHour) -> None:
    slot = _slot(hour)
    head, next_ = _waiting(slot, 2)
    _raise_capacity(slot, 1)
    _close()

    with pytest.raises(RegistrationClosed):
        places.promote(_read(head), by=b.STAFF)
    with pytest.raises(NotFirstInQueue):
        places.promote(_read(next_), override_reason="Please", by=b.STAFF)
    places.promote(_read(head), override_reason="One place more", by=b.STAFF)
    with pytest.raises(CapacityFull):
        places.promote(_read(next_), override_reason="Please", by=b.STAFF)
    with pytest.raises(InvalidStatus):
        places.promote(_read(head), override_reason="Please", by=b.STAFF)

    assert _trail(head) == [("waitlisted", 0), ("promoted", 1)]
    kept = {"overridden": "registration_closed", "override_reason": "One place more"}
    assert _details(head, "promoted") == kept
    assert b.drift() == {}


def test_promotion_while_booking_is_open_needs_no_reason(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)

    places.promote(_read(head), by=b.STAFF)

    assert (b.status_of(head), _details(head, "promoted")) == ("confirmed", {})


def test_after_the_day_no_reason_promotes(hour: EventHour) -> None:
    slot = _slot(hour)
    (head,) = _waiting(slot, 1)
    _raise_capacity(slot, 1)
    EventDate.objects.update(event_date_key=factories.in_days(-1))

    with pytest.raises(EventPast):
        places.promote(_read(head), override_reason="Too late", by=b.STAFF)
    assert waitlist.promote(Target.slot(slot.pk), override_reason="Too late", by=b.STAFF) == []


def test_a_reason_promotes_as_many_as_fit_in_order(hour: EventHour) -> None:
    slot = _slot(hour)
    rows = _waiting(slot, 4)
    _raise_capacity(slot, 3)
    _close()

    promoted = waitlist.promote(Target.slot(slot.pk), override_reason="More food", by=b.STAFF)

    assert [row.pk for row in promoted] == [row.pk for row in rows[:3]]
    assert _details(rows[2], "promoted")["override_reason"] == "More food"
    assert b.reserved(slot) == 3
    assert b.drift() == {}


# The place of a no-show -----------------------------------------------------------------


def test_the_place_of_a_no_show_goes_to_the_next(hour: EventHour) -> None:
    slot = _slot(hour, capacity=1)
    absent = _no_show(slot)
    head, next_ = _waiting(slot, 2)
    _close()
    stamp = EventSlot.objects.get(pk=slot.pk).last_update

    given = _pass_on(absent, "Did not come by 11")

    assert given.pk == head.pk
    assert _statuses([absent, head, next_]) == ["cancelled", "confirmed", "waitlisted"]
    assert _read(absent).cancelled_at is not None
    assert _trail(absent) == [("registered", 1), ("no_show", 0), ("cancelled", -1)]
    assert _details(absent, "cancelled") == {"was": "no_show", "reason": "Did not come by 11"}
    assert _details(head, "promoted") == {
        "place_of": absent.pk,
        "reason": "Did not come by 11",
    }
    assert {event.actor_id for event in AuditEvent.objects.filter(action="promoted")} == {"99"}
    assert (b.reserved(slot), EventSlot.objects.get(pk=slot.pk).last_update) == (1, stamp)
    assert b.pending() == 0
    assert b.drift() == {}


def test_it_skips_who_cannot_come(hour: EventHour) -> None:
    slot = _slot(hour, capacity=1)
    absent = _no_show(slot)
    gone, next_ = _waiting(slot, 2)
    Household.objects.filter(pk=gone.household_id).update(deleted_on=timezone.now())

    assert _pass_on(absent).pk == next_.pk
    assert b.drift() == {}


def test_only_the_place_of_a_no_show_is_handed_on(hour: EventHour) -> None:
    slot = _slot(hour, capacity=2)
    expected = b.register(factories.households(1)[0], slot)
    absent = _no_show(slot)
    with pytest.raises(NobodyWaits):
        _pass_on(absent)
    _waiting(slot, 1)

    with pytest.raises(InvalidStatus):
        _pass_on(expected)
    with pytest.raises(InvalidRequest):
        _pass_on(absent, "")
    _raise_capacity(slot, 1)
    with pytest.raises(CapacityFull):  # PantryTrak has taken it away
        _pass_on(absent)
    EventDate.objects.update(event_date_key=factories.in_days(-1))
    with pytest.raises(EventPast):
        _pass_on(absent)

    assert _statuses([expected, absent]) == ["confirmed", "no_show"]
    assert b.drift() == {}
