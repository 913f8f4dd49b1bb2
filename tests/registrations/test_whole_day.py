"""Everything later by some minutes, or the day cancelled: nobody twice, and nobody promoted."""

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from audit import wording
from audit.models import AuditEvent
from registrations.errors import DayChanged, InvalidStatus, RegistrationError
from registrations.models import Delay, EventRegistration
from registrations.services import attendance, booking, whole_day
from registrations.services.whole_day import Done
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories

STARTS = (900, 915, 930, 945, 1000, 1015)


@pytest.fixture
def day() -> EventDate:
    return factories.EventDateFactory()


@pytest.fixture
def slots(day: EventDate) -> list[EventSlot]:
    """From 9 to 10:15 a.m., with two places each; the last two are spare."""
    hour = factories.EventHourFactory(event_date=day)
    return [
        factories.EventSlotFactory(event_hour=hour, capacity=2, start_time_key=start)
        for start in STARTS
    ]


def _delay(day: EventDate, minutes: int = 30, **options: Any) -> Done:
    arguments = {"since": "09:00", "number": 1, "reason": "late truck", "by": b.STAFF, **options}
    return whole_day.delay(day.pk, minutes=minutes, **arguments)


def _slots_of(rows: list[EventRegistration]) -> list[int | None]:
    return [EventRegistration.objects.get(pk=row.pk).event_slot_id for row in rows]


def test_a_delay_leaves_alone_who_was_moved_by_hand_a_moment_ago(slots: list[EventSlot]) -> None:
    """The delay has read where it was, and finds out only under the lock."""
    as_read = _fill(slots[:1], 1)[0][0]
    b.move(EventRegistration.objects.get(pk=as_read.pk), slots[3])

    with pytest.raises(InvalidStatus, match="just moved"):
        booking.move(
            as_read,
            target=b.target_of(slots[2]),
            only_from=b.target_of(slots[0]),
            override_reason="late truck",
            by=b.STAFF,
        )

    assert _slots_of([as_read]) == [slots[3].pk]
    assert b.drift() == {}


def _fill(slots: list[EventSlot], each: int) -> list[list[EventRegistration]]:
    return [[b.register(h, slot) for h in factories.households(each)] for slot in slots]


def test_everything_moves_and_the_queues_keep_their_order(
    day: EventDate, slots: list[EventSlot]
) -> None:
    rows = _fill(slots[:4], 4)  # two have a place at each slot, two wait

    result = _delay(day)

    assert (result.done, result.refused, result.left) == (16, [], 0)
    for at, those in enumerate(rows):
        assert _slots_of(those) == [slots[at + 2].pk] * 4
        assert [b.status_of(row) for row in those] == ["confirmed"] * 2 + ["waitlisted"] * 2
        assert b.queue(slots[at + 2]) == [row.household_id for row in those[2:]]
    assert [b.reserved(slot) for slot in slots] == [0, 0, 2, 2, 2, 2]
    assert not AuditEvent.objects.filter(action="promoted").exists()
    assert b.drift() == {}


def test_only_from_the_time_on_and_the_trail_says_why(
    day: EventDate, slots: list[EventSlot]
) -> None:
    early, late = _fill(slots[:2], 1)

    _delay(day, since="09:15")

    assert _slots_of([*early, *late]) == [slots[0].pk, slots[3].pk]
    event = AuditEvent.objects.get(action="moved_to")
    text = "Moved with the whole day, 30 minutes later. Reason: late truck"
    assert (event.actor_id, wording.notes(event)) == ("99", text)


def test_who_does_not_fit_stays_and_is_named(day: EventDate, slots: list[EventSlot]) -> None:
    (early,), (last,) = _fill([slots[3], slots[5]], 1)
    EventSlot.objects.filter(pk=slots[5].pk).update(capacity=1)

    foreseen, stuck, _ = whole_day.preview_delay(
        day.pk, since="09:00", minutes=30, now=timezone.now()
    )
    result = _delay(day)

    assert [each.refusal and each.refusal.code for each in foreseen] == ["capacity_full"]
    assert stuck == [last]
    assert [(row.pk, refusal.code) for row, refusal in result.refused] == [
        (early.pk, "capacity_full"),
        (last.pk, "not_found"),
    ]
    assert _slots_of([early, last]) == [slots[3].pk, slots[5].pk]
    assert b.drift() == {}


def test_who_came_stays_and_a_slot_out_of_use_takes_nobody(
    day: EventDate, slots: list[EventSlot]
) -> None:
    (came,), (next_,) = _fill(slots[:2], 1)
    attendance.check_in(came, override_reason="early", by=b.STAFF)
    EventSlot.objects.filter(pk=slots[3].pk).update(status_id=2)

    result = _delay(day)

    assert result.done == 0
    assert [row.pk for row, _ in result.refused] == [next_.pk]
    assert _slots_of([came, next_]) == [slots[0].pk, slots[1].pk]


def test_booking_may_be_closed(day: EventDate, slots: list[EventSlot]) -> None:
    ((row,),) = _fill(slots[:1], 1)
    EventDate.objects.filter(pk=day.pk).update(accept_reservations=0)

    _delay(day)

    assert _slots_of([row]) == [slots[2].pk]


def test_the_same_delay_again_moves_nobody_twice(day: EventDate, slots: list[EventSlot]) -> None:
    rows = _fill(slots[:2], 2)
    _delay(day, minutes=15)

    again = _delay(day, minutes=15)

    assert (again.done, again.refused) == (0, [])
    assert _slots_of(rows[0]) == [slots[1].pk] * 2
    assert _slots_of(rows[1]) == [slots[2].pk] * 2
    assert Delay.objects.count() == 1


def test_the_next_delay_has_the_next_number(day: EventDate, slots: list[EventSlot]) -> None:
    ((row,),) = _fill(slots[:1], 1)
    _delay(day, minutes=15)

    _delay(day, minutes=15, number=2)

    assert _slots_of([row]) == [slots[2].pk]


def test_another_delay_with_the_same_number_is_refused(
    day: EventDate, slots: list[EventSlot]
) -> None:
    ((row,),) = _fill(slots[:1], 1)
    _delay(day, minutes=15)

    with pytest.raises(DayChanged):
        _delay(day, minutes=30)

    assert _slots_of([row]) == [slots[1].pk]


def test_who_came_in_between_is_not_moved_by_what_is_left(
    day: EventDate, slots: list[EventSlot]
) -> None:
    """Booked after the delay began, or moved by hand: they know the new times."""
    by_hand, left = (_fill([slot], 1)[0][0] for slot in slots[:2])
    assert _delay(day, seconds=-1).left == 2
    newcomer = b.register(factories.households(1)[0], slots[0])
    b.move(by_hand, slots[3])

    result = _delay(day)

    assert result.done == 1
    assert _slots_of([by_hand, left, newcomer]) == [slots[3].pk, slots[3].pk, slots[0].pk]
    assert b.drift() == {}


def test_a_delay_that_was_interrupted_continues(
    day: EventDate, slots: list[EventSlot], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for those in _fill(slots[:3], 3) for row in those]
    move, calls = booking.move, iter(range(99))

    def fail_at_the_fourth(*args: Any, **kwargs: Any) -> EventRegistration:
        if next(calls) == 3:
            raise OperationalError(2006, "Server has gone away")
        return move(*args, **kwargs)

    monkeypatch.setattr(booking, "move", fail_at_the_fourth)

    with pytest.raises(OperationalError):
        _delay(day, minutes=15)
    result = _delay(day, minutes=15)

    assert result.done == 6
    assert _slots_of(rows) == [slots[at // 3 + 1].pk for at in range(9)]
    assert b.drift() == {}


@pytest.mark.real_commits
def test_two_coordinators_at_once_delay_the_day_once() -> None:
    day = factories.EventDateFactory()
    hour = factories.EventHourFactory(event_date=day)
    slots = [
        factories.EventSlotFactory(event_hour=hour, capacity=9, start_time_key=start)
        for start in STARTS
    ]
    rows = [row for those in _fill(slots[:4], 3) for row in those]

    b.in_parallel(*[partial(_delay, day, minutes=15)] * 2)

    assert _slots_of(rows) == [slots[at // 3 + 1].pk for at in range(12)]
    assert AuditEvent.objects.filter(action="moved_to").count() == 12
    assert b.drift() == {}


# Cancelled --------------------------------------------------------------------------------


def _cancel(day: EventDate, **options: Any) -> Done:
    return whole_day.cancel(day.pk, reason="no truck", by=b.STAFF, **options)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_cancelling_the_day_promotes_nobody(
    day: EventDate, slots: list[EventSlot], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_day, "BATCH", batch)
    _fill(slots[:2], 4)
    (came,) = _fill(slots[2:3], 1)[0]
    attendance.check_in(came, override_reason="early", by=b.STAFF)
    elsewhere = b.register(factories.households(1)[0], factories.EventSlotFactory())

    result = _cancel(day)

    assert (result.done, result.left) == (8, 0)
    assert not AuditEvent.objects.filter(action="promoted").exists()
    assert [b.reserved(row) for row in (*slots[:3], day)] == [0, 0, 1, 1]
    assert [b.status_of(row) for row in (came, elsewhere)] == ["checked_in", "confirmed"]
    event = AuditEvent.objects.filter(action="cancelled").latest("pk")
    assert wording.notes(event) == "The whole day was cancelled. Reason: no truck"
    assert b.drift() == {}


def test_a_date_without_slots_is_cancelled_too() -> None:
    day = factories.EventDateFactory(capacity=2)
    for household in factories.households(3):
        b.register(household, day)

    assert _cancel(day).done == 3
    assert (b.reserved(day), b.queue(day), b.drift()) == (0, [], {})


def test_what_the_time_did_not_allow_is_cancelled_by_the_next_call(
    day: EventDate, slots: list[EventSlot]
) -> None:
    _fill(slots[:2], 2)

    first, second, third = _cancel(day, seconds=-1), _cancel(day), _cancel(day)

    assert [(each.done, each.left) for each in (first, second, third)] == [(0, 4), (4, 0), (0, 0)]
    assert AuditEvent.objects.filter(action="cancelled").count() == 4


@pytest.mark.real_commits
def test_the_day_is_cancelled_while_others_cancel_check_in_and_book() -> None:
    day = factories.EventDateFactory()
    hour = factories.EventHourFactory(event_date=day)
    slots = [factories.EventSlotFactory(event_hour=hour, capacity=4) for _ in range(2)]
    rows = [row for those in _fill(slots, 6) for row in those]
    newcomers = factories.households(4)

    def others() -> None:
        for row, newcomer in zip((rows[1], rows[7], rows[8], rows[9]), newcomers, strict=True):
            b.register(newcomer, slots[0])
            b.cancel(row)

    def check_in() -> None:
        with suppress(RegistrationError):  # it may be cancelled before
            attendance.check_in(
                EventRegistration.objects.get(pk=rows[0].pk), override_reason="early", by=b.STAFF
            )

    b.in_parallel(others, check_in, *[partial(_cancel, day)] * 2)
    _cancel(day)

    holding = EventRegistration.objects.active().filter(event_date_id=day.pk)
    assert {row.status_in_words for row in holding} <= {"checked-in"}
    assert b.queue(slots[0]) == b.queue(slots[1]) == []
    assert b.drift() == {}
    assert b.pending() == 0
