"""Who may be named as an attendee."""

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from registrations.errors import (
    HouseholdNotResolved,
    InvalidRequest,
)
from registrations.models import EventRegistration, Household, HouseholdMember
from tests.support import booking as b
from tests.support import factories


def _trail(registration: EventRegistration) -> list[tuple[str, int]]:
    events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
    return [(event.action, event.delta) for event in events]


def _attendee_errors(household: Household, attendee_ids: list[int]) -> list[tuple[str, str]]:
    slot = factories.EventSlotFactory()
    with pytest.raises(InvalidRequest) as refusal:
        b.register(household, slot, attendee_ids=attendee_ids)
    assert not EventRegistration.objects.exists()
    return [(error.field, error.code) for error in refusal.value.errors]


def test_at_least_one_attendee_is_named(household: Household) -> None:
    assert _attendee_errors(household, []) == [("attendees", "empty")]


def test_attendees_are_active_members_each_named_once(household: Household) -> None:
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
def test_attendees_of_a_deleted_or_missing_household(household: Household, exists: bool) -> None:
    slot = factories.EventSlotFactory()
    members = list(household.members.values_list("pk", flat=True))
    if exists:
        Household.objects.update(deleted_on=timezone.now())
    else:
        household = Household(pk=2**62)

    with pytest.raises(HouseholdNotResolved):
        b.register(household, slot, attendee_ids=members)


def test_attendees_keep_the_order_in_which_they_were_named(household: Household) -> None:
    second = factories.MemberFactory(household=household)
    named = [second.pk, household.members.order_by("pk")[0].pk]

    registration = b.register(household, factories.EventSlotFactory(), attendee_ids=named)

    attendees = registration.attendees.order_by("pk")
    assert list(attendees.values_list("household_member_id", flat=True)) == named


def test_a_thousand_attendees_take_one_place(household: Household) -> None:
    slot = factories.EventSlotFactory()
    member = household.members.get()
    HouseholdMember.objects.bulk_create(
        HouseholdMember(
            household=household,
            first_name=f"N{n}",
            last_name="L",
            added_by="t",
            date_of_birth=member.date_of_birth,
            created_at=member.created_at,
            updated_at=member.updated_at,
        )
        for n in range(999)
    )

    registration = b.register(household, slot)

    assert registration.attendees.count() == 1000
    assert b.reserved(slot) == 1
