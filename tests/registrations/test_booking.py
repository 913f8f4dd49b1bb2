"""What the services decide. One connection; the races are in test_races."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import (
    AlreadyRegistered,
    CapacityFull,
    HouseholdNotResolved,
    InvalidRequest,
    InvalidStatus,
    NotBookable,
    NotFound,
    SlotRequired,
)
from registrations.models import EventRegistration, EventStatus, Household, HouseholdMember
from registrations.services import waitlist
from schedules.counters import Target
from schedules.models import EventDate, EventHour, EventSlot
from tests import booking as b
from tests import factories


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


# Register ---------------------------------------------------------------------------


def test_register_confirms_counts_and_records(household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=2)

    registration = b.register(household, slot)

    assert b.status_of(registration) == "confirmed"
    assert registration.event_date_id == slot.event_hour.event_date_id
    assert registration.event_id == slot.event_hour.event_date.event_id
    assert registration.added_by == 7
    attendees = registration.attendees.values_list("household_member_id", flat=True)
    assert list(attendees) == [member.pk for member in household.members.all()]
    assert _trail(registration) == [("registered", 1)]
    assert b.drift() == {}


def test_register_event_carries_delta_value_seen_and_when_settled(household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=9, reserved=4)

    b.register(household, slot)

    event = AuditEvent.objects.get()
    assert (event.delta, event.reserved_seen, event.ambiguous) == (1, 4, False)
    assert event.settled_at is not None
    assert (event.actor_kind, event.actor_id) == ("participant", "7")
    assert EventSlot.objects.get().last_update == event.last_update_written


def test_register_when_full_joins_the_queue_in_order() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second, third = factories.households(3)

    positions = [b.register(h, slot).waitlist_position for h in (first, second, third)]

    assert positions == [None, 1, 2]
    assert b.queue(slot) == [second.pk, third.pk]
    assert b.drift() == {}


def test_register_when_full_without_waitlist_is_refused() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second = factories.households(2)
    b.register(first, slot)

    with pytest.raises(CapacityFull):
        b.register(second, slot, join_waitlist=False)

    assert EventRegistration.objects.count() == 1


@pytest.mark.parametrize(("capacity", "reserved"), [(0, 0), (5, 5), (5, 8), (-1, 0)])
def test_register_finds_no_place_where_there_is_none(
    household: Household, capacity: int, reserved: int
) -> None:
    slot = factories.EventSlotFactory(capacity=capacity, reserved=reserved)

    registration = b.register(household, slot)

    assert b.status_of(registration) == "waitlisted"
    assert b.reserved(slot) == reserved


def test_register_gives_no_more_than_capacity_where_reserved_is_negative() -> None:
    slot = factories.EventSlotFactory(capacity=1, reserved=-3)
    first, second = factories.households(2)

    results = [b.register(first, slot), b.register(second, slot)]

    assert b.kinds(results) == ["confirmed", "waitlisted"]
    assert b.reserved(slot) == -2


def test_register_respects_places_taken_by_another_system() -> None:
    slot = factories.EventSlotFactory(capacity=3)
    first, second = factories.households(2)
    b.register(first, slot)
    EventSlot.objects.filter(pk=slot.pk).update(reserved=3)

    registration = b.register(second, slot)

    assert b.status_of(registration) == "waitlisted"
    assert b.reserved(slot) == 3


def test_register_for_a_date_without_slots(household: Household) -> None:
    day = factories.EventDateFactory(capacity=1)

    registration = b.register(household, day)

    assert (registration.event_slot_id, registration.event_date_id) == (None, day.pk)
    assert b.reserved(day) == 1
    assert b.drift() == {}


def test_register_for_a_date_with_slots_needs_a_slot(household: Household) -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(SlotRequired):
        b.register(household, slot.event_hour.event_date)


def test_register_for_a_date_whose_slots_are_out_of_use(household: Household) -> None:
    slot = factories.EventSlotFactory(status_id=2)

    registration = b.register(household, slot.event_hour.event_date)

    assert b.status_of(registration) == "confirmed"


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        ("slot", {"status_id": 0}, "not_published"),
        ("hour", {"status_id": 2}, "not_published"),
        ("date", {"status_id": 2}, "not_published"),
        ("date", {"status_publish": 0}, "not_published"),
        ("date", {"published_date_key": factories.in_days(1)}, "not_published"),
        ("event", {"status_id": 0}, "not_published"),
        ("event", {"status_publish_event": 0}, "not_published"),
        ("event", {"status_publish_event_dates": 0}, "not_published"),
        ("date", {"event_date_key": factories.in_days(-1)}, "event_past"),
        ("date", {"accept_reservations": 0}, "reservations_not_accepted"),
        (
            "date",
            {"published_end_datetime": timezone.now() - timedelta(minutes=1)},
            "registration_closed",
        ),
    ],
)
def test_register_is_refused_where_booking_is_not_open(
    household: Household, table: str, change: dict[str, Any], reason: str
) -> None:
    slot = factories.EventSlotFactory()
    day = slot.event_hour.event_date
    row = {"slot": slot, "hour": slot.event_hour, "date": day, "event": day.event}[table]
    type(row).objects.filter(pk=row.pk).update(**change)

    with pytest.raises(NotBookable) as refusal:
        b.register(household, slot)

    assert refusal.value.code == reason
    assert b.reserved(slot) == 0


def test_register_for_what_does_not_exist(household: Household) -> None:
    with pytest.raises(NotFound):
        b.register(household, EventSlot(event_slot_id=4_294_967_295))
    with pytest.raises(NotFound):
        b.register(household, EventDate(event_date_id=4_294_967_295))


@pytest.mark.parametrize("missing", [EventHour, EventDate])
def test_register_for_a_slot_whose_hour_or_date_is_gone(household: Household, missing: Any) -> None:
    slot = factories.EventSlotFactory()
    missing.objects.all().delete()

    with pytest.raises(NotBookable) as refusal:
        b.register(household, slot)

    assert refusal.value.code == "not_published"


def test_register_with_date_and_event_that_are_not_the_slots(household: Household) -> None:
    slot = factories.EventSlotFactory()

    with pytest.raises(InvalidRequest) as refusal:
        b.register(household, slot, event_date_id=1, event_id=2)

    assert [error.field for error in refusal.value.errors] == ["event_date_id", "event_id"]


def test_register_again_on_the_date_tells_the_first(household: Household) -> None:
    hour = factories.EventHourFactory()
    one, other = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=0)
    first = b.register(household, one)

    with pytest.raises(AlreadyRegistered) as refusal:
        b.register(household, other)
    with pytest.raises(AlreadyRegistered):
        b.register(household, other, join_waitlist=False)

    assert refusal.value.extra == {"registration_id": first.pk}


def test_register_and_cancel_many_times_keeps_history(household: Household) -> None:
    slot = factories.EventSlotFactory()

    for _ in range(5):
        b.cancel(b.register(household, slot))
    b.register(household, slot)

    assert EventRegistration.objects.count() == 6
    assert EventRegistration.objects.active().count() == 1
    assert b.drift() == {}


# Attendees --------------------------------------------------------------------------


def _attendee_errors(household: Household, attendee_ids: list[int]) -> list[tuple[str, str]]:
    slot = factories.EventSlotFactory()
    with pytest.raises(InvalidRequest) as refusal:
        b.register(household, slot, attendee_ids=attendee_ids)
    assert not EventRegistration.objects.exists()
    return [(error.field, error.code) for error in refusal.value.errors]


def test_attendees_are_named_at_all(household: Household) -> None:
    assert _attendee_errors(household, []) == [("attendees", "empty")]


def test_attendees_are_members_active_and_each_once(household: Household) -> None:
    member = household.members.get()
    left = factories.MemberFactory(household=household, is_active=False)
    stranger = factories.MemberFactory()

    errors = _attendee_errors(household, [member.pk, member.pk, left.pk, stranger.pk, 2**62])

    assert errors == [
        ("attendees.1", "duplicate"),
        ("attendees.2", "inactive_member"),
        ("attendees.3", "not_a_member"),
        ("attendees.4", "not_a_member"),
    ]


@pytest.mark.parametrize("exists", [True, False])
def test_attendees_of_a_household_that_is_gone(household: Household, exists: bool) -> None:
    slot = factories.EventSlotFactory()
    members = list(household.members.values_list("pk", flat=True))
    if exists:
        Household.objects.update(deleted_on=timezone.now())
    else:
        household = Household(pk=2**62)

    with pytest.raises(HouseholdNotResolved):
        b.register(household, slot, attendee_ids=members)


def test_attendees_may_be_a_thousand_and_take_one_place(household: Household) -> None:
    slot = factories.EventSlotFactory()
    member = household.members.get()
    HouseholdMember.objects.bulk_create(
        HouseholdMember(
            household=household, first_name=f"N{n}", last_name="L", added_by="t",
            date_of_birth=member.date_of_birth, created_at=member.created_at,
            updated_at=member.updated_at,
        )
        for n in range(999)
    )  # fmt: skip

    registration = b.register(household, slot)

    assert registration.attendees.count() == 1000
    assert b.reserved(slot) == 1


# Cancel and promote -----------------------------------------------------------------


def test_cancel_frees_the_place(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)

    b.cancel(registration)

    assert b.status_of(registration) == "cancelled"
    assert _trail(registration) == [("registered", 1), ("cancelled", -1)]
    assert b.reserved(slot) == 0
    assert b.drift() == {}


def test_cancel_twice_changes_nothing_the_second_time(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    first = b.cancel(registration)

    second = b.cancel(registration)

    assert second.cancelled_at == first.cancelled_at
    assert _trail(registration) == [("registered", 1), ("cancelled", -1)]
    assert b.reserved(slot) == 0


def test_cancel_promotes_the_head_and_moves_no_counter() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    elsewhere = factories.EventSlotFactory(event_hour=slot.event_hour, capacity=0)
    holder, head, next_, at_other_slot = factories.households(4)
    registration = b.register(holder, slot)
    promoted = b.register(head, slot)
    b.register(next_, slot)
    b.register(at_other_slot, elsewhere)
    stamp = EventSlot.objects.get(pk=slot.pk).last_update

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert _trail(promoted) == [("waitlisted", 0), ("promoted", 1)]
    assert b.queue(slot) == [next_.pk]
    assert b.queue(elsewhere) == [at_other_slot.pk]
    assert EventSlot.objects.get(pk=slot.pk).last_update == stamp
    assert not AuditEvent.objects.unsettled().exists()
    assert b.drift() == {}


def test_cancel_at_a_date_without_slots_promotes_there() -> None:
    day = factories.EventDateFactory(capacity=1)
    holder, head = factories.households(2)
    registration = b.register(holder, day)
    promoted = b.register(head, day)

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert b.drift() == {}


def test_cancel_of_a_waiting_one_promotes_nobody() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, head, next_ = factories.households(3)
    b.register(holder, slot)
    waiting = b.register(head, slot)
    b.register(next_, slot)
    EventSlot.objects.update(capacity=5)

    b.cancel(waiting)

    assert _trail(waiting) == [("waitlisted", 0), ("cancelled", 0)]
    assert b.queue(slot) == [next_.pk]
    assert b.drift() == {}


@pytest.mark.parametrize("status", ["checked_in", "no_show"])
def test_cancel_is_refused_once_attendance_is_recorded(household: Household, status: str) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    EventRegistration.objects.update(event_status=EventStatus.objects.get(name=status))

    with pytest.raises(InvalidStatus):
        b.cancel(registration)

    assert b.status_of(registration) == status
    assert b.drift() == {}


def test_cancel_skips_households_that_cannot_come_any_more() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, gone, without_members, next_ = factories.households(4)
    registration = b.register(holder, slot)
    for household in (gone, without_members):
        b.register(household, slot)
    promoted = b.register(next_, slot)
    Household.objects.filter(pk=gone.pk).update(deleted_on=timezone.now())
    HouseholdMember.objects.filter(household=without_members).update(is_active=False)

    b.cancel(registration)

    assert b.status_of(promoted) == "confirmed"
    assert b.queue(slot) == [gone.pk, without_members.pk]
    assert b.drift() == {}


def test_waiting_household_cannot_hold_another_place_that_day(household: Household) -> None:
    hour = factories.EventHourFactory()
    full, free = (
        factories.EventSlotFactory(event_hour=hour, capacity=0),
        factories.EventSlotFactory(event_hour=hour, capacity=1),
    )
    b.register(household, full)

    with pytest.raises(AlreadyRegistered):
        b.register(household, free)


def test_cancel_after_closing_promotes_nobody() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, head = factories.households(2)
    registration = b.register(holder, slot)
    b.register(head, slot)
    EventDate.objects.update(published_end_datetime=timezone.now() - timedelta(minutes=1))

    b.cancel(registration)

    assert b.queue(slot) == [head.pk]
    assert b.reserved(slot) == 0
    assert b.drift() == {}


def test_cancel_where_the_slot_is_gone(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)
    EventSlot.objects.all().delete()

    b.cancel(registration)

    assert b.status_of(registration) == "cancelled"
    assert not AuditEvent.objects.unsettled().exists()


def test_newcomer_after_capacity_was_raised_lets_the_queue_go_first() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    households = factories.households(5)
    for household in households[:3]:
        b.register(household, slot)
    EventSlot.objects.update(capacity=4)

    one = b.register(households[3], slot)
    other = b.register(households[4], slot)

    assert b.queue(slot) == [households[4].pk]
    assert (b.status_of(one), b.status_of(other)) == ("confirmed", "waitlisted")
    assert b.reserved(slot) == 4
    assert b.drift() == {}


def test_newcomer_gets_a_place_past_a_queue_that_nobody_can_leave() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    gone, newcomer = factories.households(2)
    b.register(gone, slot)
    Household.objects.filter(pk=gone.pk).update(deleted_on=timezone.now())
    EventSlot.objects.update(capacity=1)

    assert b.status_of(b.register(newcomer, slot)) == "confirmed"


def test_capacity_lowered_below_reserved_drops_nobody_and_lets_nobody_in() -> None:
    slot = factories.EventSlotFactory(capacity=3)
    households = factories.households(4)
    held = [b.register(h, slot) for h in households[:3]]
    EventSlot.objects.update(capacity=1)

    came = b.register(households[3], slot)
    b.cancel(held[0])

    assert [b.status_of(r) for r in held] == ["cancelled", "confirmed", "confirmed"]
    assert b.status_of(came) == "waitlisted"
    assert b.drift() == {}


def test_promote_fills_what_was_raised_with_one_update_and_one_marker() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    households = factories.households(4)
    for household in households:
        b.register(household, slot)
    EventSlot.objects.update(capacity=3)

    promoted = waitlist.promote(Target(False, slot.pk), by=b.BY)

    assert [r.household_id for r in promoted] == [h.pk for h in households[:3]]
    events = AuditEvent.objects.filter(action="promoted")
    assert len({event.last_update_written for event in events}) == 1
    assert b.reserved(slot) == 3
    assert b.drift() == {}


def test_promote_does_nothing_once_booking_is_closed() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    (household,) = factories.households(1)
    b.register(household, slot)
    EventSlot.objects.update(capacity=3)
    EventDate.objects.update(accept_reservations=0)

    assert waitlist.promote(Target(False, slot.pk), by=b.BY) == []


# Move -------------------------------------------------------------------------------


def test_move_takes_there_and_promotes_here() -> None:
    hour = factories.EventHourFactory()
    old, new = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=1)
    mover, head = factories.households(2)
    registration = b.register(mover, old)
    promoted = b.register(head, old)

    b.move(registration, new)

    moved = EventRegistration.objects.get(pk=registration.pk)
    assert moved.event_slot_id == new.pk
    assert _trail(moved) == [("registered", 1), ("moved_from", -1), ("moved_to", 1)]
    assert b.status_of(promoted) == "confirmed"
    assert (b.reserved(old), b.reserved(new)) == (1, 1)
    assert b.drift() == {}


def test_move_to_a_full_slot_changes_nothing() -> None:
    old, new = factories.EventSlotFactory.create_batch(2, capacity=1)
    mover, holder = factories.households(2)
    registration = b.register(mover, old)
    b.register(holder, new)

    with pytest.raises(CapacityFull):
        b.move(registration, new)

    assert EventRegistration.objects.get(pk=registration.pk).event_slot_id == old.pk
    assert b.drift() == {}


def test_move_does_not_overtake_the_queue_there() -> None:
    old, new = factories.EventSlotFactory(capacity=1), factories.EventSlotFactory(capacity=0)
    mover, waiting = factories.households(2)
    registration = b.register(mover, old)
    b.register(waiting, new)
    EventSlot.objects.filter(pk=new.pk).update(capacity=1)

    with pytest.raises(CapacityFull):
        b.move(registration, new)

    assert b.queue(new) == [waiting.pk]


def test_move_from_the_queue_to_a_free_place_confirms() -> None:
    full, free = factories.EventSlotFactory(capacity=0), factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    registration = b.register(household, full)

    b.move(registration, free)

    assert b.status_of(registration) == "confirmed"
    assert b.queue(full) == []
    assert b.drift() == {}


def test_move_to_where_one_is_changes_nothing(household: Household) -> None:
    slot = factories.EventSlotFactory()
    registration = b.register(household, slot)

    b.move(registration, slot)

    assert _trail(registration) == [("registered", 1)]
    assert b.drift() == {}


def test_move_to_a_date_where_one_has_a_place_is_refused(household: Household) -> None:
    old = factories.EventSlotFactory()
    hour = factories.EventHourFactory()
    there, beside = factories.EventSlotFactory.create_batch(2, event_hour=hour)
    registration = b.register(household, old)
    first = b.register(household, there)

    with pytest.raises(AlreadyRegistered) as refusal:
        b.move(registration, beside)

    assert refusal.value.extra == {"registration_id": first.pk}
    assert b.drift() == {}


def test_move_between_a_slot_and_a_date_without_slots(household: Household) -> None:
    slot, day = factories.EventSlotFactory(), factories.EventDateFactory(capacity=1)
    registration = b.register(household, slot)

    b.move(registration, day)

    moved = EventRegistration.objects.get(pk=registration.pk)
    assert (moved.event_slot_id, moved.event_date_id) == (None, day.pk)
    assert (b.reserved(slot), b.reserved(day)) == (0, 1)
    assert b.drift() == {}


def test_move_of_a_cancelled_one_is_refused(household: Household) -> None:
    old, new = factories.EventSlotFactory.create_batch(2)
    registration = b.register(household, old)
    b.cancel(registration)

    with pytest.raises(InvalidStatus):
        b.move(registration, new)


# Cost -------------------------------------------------------------------------------


def _statements(call: Any) -> list[str]:
    """The SQL of a call, less the statements that only begin and end transactions."""
    with (
        CaptureQueriesContext(connections[PRIVATE]) as private,
        CaptureQueriesContext(connections[PUBLIC]) as public,
    ):
        call()
    control = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")
    both = [*public.captured_queries, *private.captured_queries]
    return [query["sql"] for query in both if not query["sql"].startswith(control)]


def test_register_costs_eleven_statements_and_a_refusal_six() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second = factories.households(2)
    members = {h.pk: list(h.members.values_list("pk", flat=True)) for h in (first, second)}

    confirmed = _statements(lambda: b.register(first, slot, attendee_ids=members[first.pk]))

    def refused() -> None:
        with pytest.raises(CapacityFull):
            b.register(second, slot, attendee_ids=members[second.pk], join_waitlist=False)

    assert len(confirmed) == 11
    assert len(_statements(refused)) == 6


# Staff override -----------------------------------------------------------------------


def test_override_books_where_booking_is_closed_and_says_so(household: Household) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__accept_reservations=0)

    registration = b.register(household, slot, by=b.STAFF, override_reason="Walk-in")

    details = AuditEvent.objects.get().details
    assert b.status_of(registration) == "confirmed"
    assert details["overridden"] == "reservations_not_accepted"
    assert details["override_reason"] == "Walk-in"


def test_override_of_what_is_open_is_no_override(household: Household) -> None:
    b.register(household, factories.EventSlotFactory(), override_reason="Walk-in")

    assert "override_reason" not in AuditEvent.objects.get().details


def test_override_gives_neither_more_than_capacity_nor_past_the_queue() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, waiting, walk_in, late = factories.households(4)
    registration = b.register(holder, slot)
    b.register(waiting, slot)
    EventDate.objects.update(accept_reservations=0)

    full = b.register(walk_in, slot, override_reason="Walk-in")
    b.cancel(registration)
    behind = b.register(late, slot, override_reason="Walk-in")

    assert (b.status_of(full), b.status_of(behind)) == ("waitlisted", "waitlisted")
    assert b.reserved(slot) == 0
    assert b.drift() == {}
