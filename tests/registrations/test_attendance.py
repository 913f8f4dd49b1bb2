"""Who is expected, who came, who did not."""

from collections import Counter
from functools import partial

import pytest

from audit.models import AuditEvent, CheckIn
from registrations.errors import AlreadyCheckedIn, CapacityFull, InvalidRequest, InvalidStatus
from registrations.models import EventRegistration, Household
from registrations.queries import details
from registrations.services import attendance, attendees
from tests.support import booking as b
from tests.support import factories

BY = b.STAFF


def _read(registration: EventRegistration) -> EventRegistration:
    return EventRegistration.objects.get(pk=registration.pk)


def _check_in(registration: EventRegistration, **options: object) -> EventRegistration:
    return attendance.check_in(_read(registration), by=BY, **options)  # type: ignore[arg-type]


@pytest.fixture
def registration() -> EventRegistration:
    household = factories.HouseholdFactory(size=3)
    booked: EventRegistration = b.register(household, factories.slot_today())
    return booked


def test_check_in_records_who_when_and_who_came(registration: EventRegistration) -> None:
    first, _, third = registration.attendees.values_list("household_member_id", flat=True)

    checked_in = _check_in(registration, attendee_ids=[first, third])

    assert b.status_of(registration) == "checked_in"
    record = CheckIn.objects.get()
    assert (record.action, record.registration_id) == ("check_in", registration.pk)
    assert (record.actor_kind, record.actor_id) == ("staff", "99")
    assert (record.household_member_ids, record.attendee_count) == ([first, third], 2)
    assert record.at == checked_in.checked_in_at == _read(registration).checked_in_at
    assert b.drift() == {}


def test_check_in_without_names_covers_everyone(registration: EventRegistration) -> None:
    _check_in(registration)

    assert CheckIn.objects.get().attendee_count == 3


def test_check_in_twice_says_who_was_first(registration: EventRegistration) -> None:
    first = _check_in(registration)

    with pytest.raises(AlreadyCheckedIn) as refusal:
        _check_in(registration)

    assert refusal.value.extra == {"checked_in_at": first.checked_in_at, "checked_in_by": "99"}
    assert CheckIn.objects.count() == 1


def test_check_in_of_a_stranger_is_refused(registration: EventRegistration) -> None:
    member = registration.attendees.values_list("household_member_id", flat=True)[0]

    with pytest.raises(InvalidRequest) as refusal:
        _check_in(registration, attendee_ids=[member, member, 4711])

    fields = [(error.field, error.code) for error in refusal.value.errors]
    assert fields == [("attendees.1", "duplicate"), ("attendees.2", "not_an_attendee")]


def test_check_in_of_a_cancelled_registration_or_without_a_place_is_refused() -> None:
    slot = factories.slot_today(capacity=1)
    first, second = factories.households(2)
    booked, waits = b.register(first, slot), b.register(second, slot)
    b.cancel(waits)

    with pytest.raises(InvalidStatus):
        _check_in(waits)
    third = b.register(second, slot)
    with pytest.raises(CapacityFull):
        _check_in(third)

    assert b.status_of(booked) == "confirmed"
    assert not CheckIn.objects.exists()


def test_undo_restores_the_status_and_is_recorded(registration: EventRegistration) -> None:
    _check_in(registration)

    attendance.undo_check_in(_read(registration), by=BY)

    assert b.status_of(registration) == "confirmed"
    assert _read(registration).checked_in_at is None
    assert list(CheckIn.objects.values_list("action", flat=True)) == ["check_in", "undo"]
    with pytest.raises(InvalidStatus):
        attendance.undo_check_in(_read(registration), by=BY)


def test_no_show_keeps_the_place_and_a_latecomer_can_check_in(
    registration: EventRegistration,
) -> None:
    for _ in range(2):
        attendance.mark_no_show(_read(registration), by=BY)
    assert b.status_of(registration) == "no_show"
    assert b.drift() == {}

    _check_in(registration)

    assert b.status_of(registration) == "checked_in"
    with pytest.raises(InvalidStatus):
        attendance.mark_no_show(_read(registration), by=BY)
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["registered", "no_show", "checked_in"]


def test_attendees_can_be_replaced(registration: EventRegistration) -> None:
    first, second, third = registration.attendees.values_list("household_member_id", flat=True)
    new = factories.MemberFactory(household=registration.household)

    seen: list[details.RegistrationDetails] = []

    attendees.change(
        _read(registration), attendee_ids=[new.pk, second], by=b.BY, before_commit=seen.append
    )

    assert [member.pk for member in seen[0].attendees] == [new.pk, second]
    now = registration.attendees.values_list("household_member_id", flat=True)
    assert set(now) == {new.pk, second}
    event = AuditEvent.objects.get(action="attendees_changed")
    assert event.details == {"attendees": [new.pk, second], "before": [first, second, third]}


def test_attendees_of_a_checked_in_registration_cannot_change(
    registration: EventRegistration,
) -> None:
    _check_in(registration)

    with pytest.raises(InvalidStatus):
        attendees.change(_read(registration), attendee_ids=[1], by=b.BY)


@pytest.mark.real_commits
def test_two_devices_check_in_at_once() -> None:
    (household,) = factories.households(1)
    registration = b.register(household, factories.slot_today())

    outcomes = b.outcomes(*[partial(_check_in, registration)] * 6, refused=AlreadyCheckedIn)

    assert Counter(outcomes) == {"checked_in": 1, "already_checked_in": 5}
    assert CheckIn.objects.count() == 1
    assert AuditEvent.objects.filter(action="checked_in").count() == 1


@pytest.mark.real_commits
@pytest.mark.parametrize("round_", range(4))
def test_check_in_and_cancellation_at_once_do_not_both_succeed(round_: int) -> None:
    (household,) = factories.households(1)
    registration = b.register(household, factories.slot_today())

    outcomes = b.outcomes(
        partial(_check_in, registration), partial(b.cancel, registration), refused=InvalidStatus
    )

    assert outcomes in (["invalid_status", "cancelled"], ["checked_in", "invalid_status"])
    assert b.drift() == {}


@pytest.mark.real_commits
@pytest.mark.parametrize("round_", range(4))
def test_check_in_and_move_at_once_leave_one_place(round_: int) -> None:
    (household,) = factories.households(1)
    old, new = (factories.slot_today(), factories.slot_today())
    registration = b.register(household, old)

    checked_in, moved = b.outcomes(
        partial(_check_in, registration), partial(b.move, registration, new), refused=InvalidStatus
    )

    assert b.status_of(registration) == "checked_in"
    assert (checked_in, moved) in {("checked_in", "confirmed"), ("checked_in", "invalid_status")}
    assert b.drift() == {}


def test_checked_in_household_keeps_its_one_place(household: Household) -> None:
    slot = factories.slot_today(capacity=1)
    _check_in(b.register(household, slot))

    waits = b.register(factories.households(1)[0], slot)

    assert b.status_of(waits) == "waitlisted"
