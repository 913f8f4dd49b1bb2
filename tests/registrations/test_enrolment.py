"""Staff enter and correct households."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from audit.models import AuditEvent, CheckIn
from registrations.errors import (
    CapacityFull,
    ChangedMeanwhile,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationError,
)
from registrations.models import (
    UNKNOWN_BIRTH_DATE,
    EventRegistration,
    Household,
    HouseholdMember,
    HouseholdProfile,
)
from registrations.queries import households
from registrations.services import enrolment
from registrations.services.enrolment import MemberEdit, Person
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories

AMA = Person("Ama", "Okafor")


def _enrol(**options: Any) -> Household:
    return enrolment.enrol(**{"head": AMA, "by": b.STAFF, **options})


def _members(household: Household) -> list[tuple[str, str, date | None]]:
    rows = household.members.order_by("pk")
    return [(row.first_name, row.last_name, row.birth_date) for row in rows]


def _problems(call: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refusal:
        call()
    return {error.field: error.code for error in refusal.value.errors}


def test_enrol_writes_the_household_and_everyone() -> None:
    kofi = Person(" Kofi ", date_of_birth=date(2016, 5, 4))

    household = _enrol(members=[kofi], people=4, zip_code="43215")

    assert _members(household) == [
        ("Ama", "Okafor", None),
        ("Kofi", "Okafor", date(2016, 5, 4)),
        ("Member 3", "Okafor", None),
        ("Member 4", "Okafor", None),
    ]
    head = household.members.get(is_head_of_household=True)
    assert (head.first_name, head.date_of_birth) == ("Ama", UNKNOWN_BIRTH_DATE)
    assert (head.added_by, household.added_by) == (b.STAFF.id, int(b.STAFF.id))
    assert household.name == "Okafor Household"
    assert HouseholdProfile.objects.get(household=household).zip_code == "43215"
    event = AuditEvent.objects.get()
    assert (event.action, event.household_id) == ("household_enrolled", household.pk)
    assert event.details == {"people": 4}  # and no name


def test_a_code_is_no_registration_s_and_is_never_given_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = _enrol()
    codes = [first.identification_code, "NEWONE"]
    monkeypatch.setattr(enrolment, "_new_code", lambda: codes.pop(0))

    second = _enrol()

    assert len(first.identification_code) == 6
    assert second.identification_code == "NEWONE"
    assert AuditEvent.objects.count() == 2


def test_enrol_says_what_is_wrong_and_writes_nothing() -> None:
    tomorrow = factories.today() + timedelta(days=1)

    assert _problems(lambda: _enrol(head=Person(" ", ""))) == {
        "first_name": "required",
        "last_name": "required",
    }
    assert _problems(lambda: _enrol(people=21)) == {"people": "too_many"}
    assert _problems(lambda: _enrol(members=[Person("A"), Person("B")], people=2)) == {
        "people": "too_few"
    }
    assert _problems(lambda: _enrol(members=[Person("A"), Person("")])) == {
        "members.1.first_name": "required"
    }
    assert _problems(lambda: _enrol(head=Person("A", "B", tomorrow), zip_code="4321")) == {
        "date_of_birth": "impossible",
        "zip_code": "invalid",
    }
    assert (Household.objects.count(), AuditEvent.objects.count()) == (0, 0)


# A walk-in that nobody knows ------------------------------------------------------------


def _walk_in(slot: EventSlot, **options: Any) -> EventRegistration:
    arguments: dict[str, Any] = {
        "head": AMA,
        "people": 3,
        "target": b.target_of(slot),
        "override_reason": "",
        "by": b.STAFF,
    }
    return enrolment.walk_in(**{**arguments, **options})


def test_walk_in_enters_registers_and_checks_in() -> None:
    slot = factories.slot_today(capacity=1)

    registration = _walk_in(slot, zip_code="43215")

    household = Household.objects.get()
    assert (registration.household_id, b.status_of(registration)) == (household.pk, "checked_in")
    members = list(household.members.order_by("pk").values_list("pk", flat=True))
    attendees = registration.attendees.order_by("pk")
    assert list(attendees.values_list("household_member_id", flat=True)) == members
    assert CheckIn.objects.get().household_member_ids == members
    actions = AuditEvent.objects.order_by("pk").values_list("action", "household_id")
    assert list(actions) == [
        (action, household.pk) for action in ("household_enrolled", "registered", "checked_in")
    ]
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_walk_in_without_a_place_leaves_no_household() -> None:
    slot = factories.EventSlotFactory(capacity=0)

    with pytest.raises(CapacityFull):
        _walk_in(slot)

    counts = [rows.objects.count() for rows in (Household, HouseholdMember, AuditEvent)]
    assert (counts, b.drift()) == ([0, 0, 0], {})


@pytest.mark.real_commits
def test_two_newcomers_and_one_place() -> None:
    slot = factories.slot_today(capacity=1)

    calls = [partial(_walk_in, slot, head=Person(name, "Okafor")) for name in ("Ama", "Esi", "Yaw")]
    outcomes = b.outcomes(*calls, refused=CapacityFull)

    assert sorted(outcomes) == ["capacity_full", "capacity_full", "checked_in"]
    assert Household.objects.count() == 1
    assert (b.reserved(slot), b.drift(), b.oversold()) == (1, {}, {})


# Correcting -----------------------------------------------------------------------------


def _edit(household: Household, *members: MemberEdit, zip_code: str = "", **options: Any) -> None:
    arguments = {"seen": household.updated_at, "zip_code": zip_code, "by": b.STAFF, **options}
    enrolment.edit(household.pk, members=members, **arguments)
    household.refresh_from_db()


def _edited(member: HouseholdMember, **changes: Any) -> MemberEdit:
    fields: dict[str, Any] = {
        "first_name": member.first_name,
        "last_name": member.last_name,
        "date_of_birth": member.birth_date,
        **{name: value for name, value in changes.items() if name != "is_active"},
    }
    return MemberEdit(Person(**fields), member.pk, is_active=changes.get("is_active", True))


def test_edit_names_adds_and_marks_who_left() -> None:
    household = _enrol(people=3)
    head, second, third = household.members.order_by("pk")

    _edit(
        household,
        _edited(head, last_name="Okafor-Mensah", date_of_birth=date(1980, 2, 3)),
        _edited(second, first_name="Kofi"),
        _edited(third, is_active=False),
        MemberEdit(Person("Esi")),
        zip_code="43215-1234",
    )

    assert _members(household) == [
        ("Ama", "Okafor-Mensah", date(1980, 2, 3)),
        ("Kofi", "Okafor", None),
        ("Member 3", "Okafor", None),
        ("Esi", "Okafor-Mensah", None),
    ]
    assert household.name == "Okafor-Mensah Household"
    assert household.members.filter(is_active=False).get() == third
    added = household.members.get(first_name="Esi")
    assert AuditEvent.objects.get(action="household_changed").details == {
        "changed": {
            str(head.pk): ["last_name", "date_of_birth"],
            str(second.pk): ["first_name"],
            str(third.pk): ["is_active"],
            "household": ["zip_code"],
        },
        "added": [added.pk],
    }


def test_edit_that_changes_nothing_leaves_no_trail() -> None:
    household = _enrol(zip_code="43215")

    _edit(household, *map(_edited, household.members.all()), zip_code="43215")

    assert [event.action for event in AuditEvent.objects.all()] == ["household_enrolled"]


def test_the_next_member_becomes_the_head_when_the_head_leaves() -> None:
    household = _enrol(members=[Person("Kofi", "Mensah")])
    head, second = household.members.order_by("pk")

    _edit(household, _edited(head, is_active=False))

    assert household.members.get(is_head_of_household=True) == second
    assert household.name == "Mensah Household"


def test_edit_keeps_another_system_s_name_of_the_household() -> None:
    household = factories.HouseholdFactory(name="The Johnsons")
    member = household.members.get()

    _edit(household, _edited(member, last_name="Johnson"))

    assert household.name == "The Johnsons"


def test_edit_refuses_strangers_too_many_and_nobody() -> None:
    household, other = _enrol(people=20), _enrol()
    everyone = list(household.members.all())
    stranger = other.members.get()

    def fields(*members: MemberEdit) -> dict[str, str]:
        return _problems(lambda: _edit(household, *members))

    assert fields(_edited(stranger)) == {"members.0": "not_a_member"}
    assert fields(MemberEdit(AMA)) == {"members": "too_many"}
    assert fields(*(_edited(each, is_active=False) for each in everyone)) == {"members": "empty"}
    assert fields(_edited(everyone[0], first_name="")) == {"members.0.first_name": "required"}
    assert not AuditEvent.objects.filter(action="household_changed").exists()


def test_edit_of_a_deleted_household_is_refused() -> None:
    household = _enrol()
    Household.objects.update(deleted_on="2026-01-01T00:00Z")

    with pytest.raises(HouseholdNotResolved):
        _edit(household)


@pytest.mark.real_commits
def test_of_two_who_edit_at_once_one_is_refused() -> None:
    household = _enrol(people=2)
    head, second = household.members.order_by("pk")

    def outcome(*members: MemberEdit) -> str:
        try:
            enrolment.edit(
                household.pk,
                seen=household.updated_at,
                members=members,
                zip_code="",
                by=b.STAFF,
            )
        except RegistrationError as refusal:
            return refusal.code
        return "saved"

    outcomes = b.in_parallel(
        partial(outcome, _edited(head, first_name="Ada"), MemberEdit(Person("Esi"))),
        partial(outcome, _edited(second, first_name="Kofi"), MemberEdit(Person("Esi"))),
    )

    assert sorted(outcomes) == [ChangedMeanwhile.code, "saved"]
    assert household.members.count() == 3


# Likely duplicates ----------------------------------------------------------------------


def test_likely_duplicates_by_name_or_birth_date() -> None:
    born = date(1980, 2, 3)
    okafor = _enrol(head=Person("Amara", "Okafor", born))
    _enrol(head=Person("Esi", "Okafor"))
    gone = _enrol(head=Person("Amara", "Okafor"))
    Household.objects.filter(pk=gone.pk).update(deleted_on="2026-01-01T00:00Z")

    def similar(first: str, last: str, birth_date: date | None = None) -> list[Household]:
        return households.likely_duplicates(first, last, birth_date, limit=5)

    assert similar("amara", "OKAFOR") == [okafor]
    assert similar("Amarra", "Okafr") == [okafor]  # one letter each
    assert similar("Maame", "Okafor", born) == [okafor]  # a nickname
    assert similar("Amara", "Mensah", born) == [okafor]  # a married name
    assert similar("Maame", "Mensah", born) == []
    assert similar("Maame", "Okafor") == []
