"""Households that staff enter and correct. Merging two of them is in `merging`.

Other services write households and members too, so both tables stay as they are: an unknown birth
date is UNKNOWN_BIRTH_DATE, and somebody whose name is not known is "Member 2". The trail keeps who
changed which fields, and no name or date.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations import confirmation_codes
from registrations.errors import (
    ChangedMeanwhile,
    FieldError,
    HouseholdNotResolved,
    InvalidRequest,
    TryAgain,
)
from registrations.models import (
    UNKNOWN_BIRTH_DATE,
    EventRegistration,
    Household,
    HouseholdMember,
    HouseholdProfile,
)
from registrations.services import attendance, facts
from registrations.services.retry import retried
from schedules.targets import Target

Action = AuditEvent.Action

Changed = dict[str, list[str]]
"""The names of the fields that changed, by member id; "household" for what is not a member's."""

MAX_PEOPLE = 20
"""In one household."""
_LONGEST_NAME = 100
_ZIP = re.compile(r"\d{5}(-\d{4})?")
_CODES = range(500_000_000, 729_000_000)
"""Identification codes are confirmation codes of registrations that will never exist: whoever scans
one finds the household, and never another household's registration."""


@dataclass(frozen=True)
class Person:
    first_name: str
    last_name: str = ""
    """Empty for a member: as the head's."""
    date_of_birth: date | None = None
    """None if it is not known."""


@dataclass(frozen=True)
class MemberEdit:
    """How a member is to be; without `member_id` somebody new."""

    person: Person
    member_id: int | None = None
    is_active: bool = True


@retried
def enrol(
    *,
    head: Person,
    members: Sequence[Person] = (),
    people: int = 0,
    zip_code: str = "",
    by: Actor,
) -> Household:
    """Enters a household.

    `people` says how many it has in all; those who are not named are added as "Member 2", … (0: as
    many as are named). Raises InvalidRequest; its fields are those of the head, `people`,
    `zip_code`, and `members.0.first_name`, ….
    """
    everyone = _everyone(head, members, people, zip_code, today=timezone.localdate())
    try:
        with transaction.atomic(using=PRIVATE, durable=True):
            return _write(everyone, zip_code, by=by, at=timezone.now())
    except IntegrityError as error:
        raise TryAgain("The identification code is taken.") from error


def walk_in(
    *,
    head: Person,
    members: Sequence[Person] = (),
    people: int = 0,
    zip_code: str = "",
    target: Target,
    override_reason: str,
    by: Actor,
) -> EventRegistration:
    """Enters a household that stands at the gate, gives it a place and checks it in with everyone.

    One private transaction does all three, or none: if no place is free, nobody is entered. Raises
    what `enrol` and `attendance.walk_in` raise.
    """
    everyone = _everyone(head, members, people, zip_code, today=timezone.localdate())

    def enter() -> list[HouseholdMember]:
        household = _write(everyone, zip_code, by=by, at=timezone.now())
        return list(household.members.order_by("pk"))

    return attendance.walk_in(target=target, override_reason=override_reason, by=by, enrol=enter)


@retried
def edit(
    household_id: int,
    *,
    seen: datetime,
    members: Sequence[MemberEdit],
    zip_code: str,
    by: Actor,
) -> Household:
    """Corrects names and birth dates, adds members, and marks those who left.

    `seen` is the household's `updated_at` when the person looked at it. Members who are not named
    stay as they are. If the head leaves, the next active member becomes the head. Raises
    InvalidRequest, HouseholdNotResolved, and ChangedMeanwhile if somebody was faster.
    """
    now = timezone.now()
    _check(_edit_problems(members, zip_code, today=timezone.localdate()))
    with transaction.atomic(using=PRIVATE, durable=True):
        household = _claim(household_id, seen, by=by, at=now)
        old = list(household.members.order_by("pk"))
        _check_members(members, old)
        name = _name_after(old)
        changed = _change_each(members, old, at=now)
        added = _add_new(household, members, old, by=by, at=now)
        _choose_head([*old, *added], changed, at=now)
        renamed = _name_after([*old, *added])
        if household.name == name != renamed:
            Household.objects.filter(pk=household.pk).update(name=renamed)
            household.name = renamed
        if _set_zip(household, zip_code):
            changed["household"] = ["zip_code"]
        if changed or added:
            ids = [member.pk for member in added]
            facts.record_household(
                Action.HOUSEHOLD_CHANGED, household.pk, by=by, at=now, changed=changed, added=ids
            )
    return household


# Entering -------------------------------------------------------------------------------


def _everyone(
    head: Person, members: Sequence[Person], people: int, zip_code: str, *, today: date
) -> list[Person]:
    """The head, the members and the placeholders. Raises InvalidRequest."""
    errors = [*_problems(head, "", today), *_zip_problems(zip_code)]
    if not head.last_name.strip():
        errors.append(FieldError("last_name", "required", "Enter the last name."))
    for place, member in enumerate(members):
        errors += _problems(member, f"members.{place}.", today)
    named = 1 + len(members)
    if people and people < named:
        detail = f"You named {named} people. Correct the number, or remove a name."
        errors.append(FieldError("people", "too_few", detail))
    if max(people, named) > MAX_PEOPLE:
        errors.append(FieldError("people", "too_many", _TOO_MANY))
    _check(errors)
    unnamed = [Person(f"Member {number}") for number in range(named + 1, people + 1)]
    last_name = head.last_name.strip()
    return [_tidy(person, last_name) for person in (head, *members, *unnamed)]


_TOO_MANY = f"A household has at most {MAX_PEOPLE} people here. Enter the rest as another one."


def _tidy(person: Person, last_name: str) -> Person:
    return replace(
        person,
        first_name=person.first_name.strip(),
        last_name=person.last_name.strip() or last_name,
    )


def _write(people: Sequence[Person], zip_code: str, *, by: Actor, at: datetime) -> Household:
    household = Household.objects.create(
        number=0,
        name=_name(people[0].last_name),
        identification_code=_new_code(),
        created_at=at,
        updated_at=at,
        added_by=by.legacy_id,
        last_updated_by=by.legacy_id,
    )
    HouseholdMember.objects.bulk_create(
        _member(household, person, is_head=person is people[0], by=by, at=at) for person in people
    )
    _set_zip(household, zip_code)
    facts.record_household(
        Action.HOUSEHOLD_ENROLLED, household.pk, by=by, at=at, people=len(people)
    )
    return household


def _name(last_name: str) -> str:
    return f"{last_name} Household"


def _new_code() -> str:
    return confirmation_codes.encode(secrets.choice(_CODES))


def _member(
    household: Household, person: Person, *, is_head: bool = False, by: Actor, at: datetime
) -> HouseholdMember:
    return HouseholdMember(
        household=household,
        first_name=person.first_name,
        last_name=person.last_name,
        date_of_birth=person.date_of_birth or UNKNOWN_BIRTH_DATE,
        is_head_of_household=is_head,
        added_by=by.id,
        created_at=at,
        updated_at=at,
    )


def _set_zip(household: Household, zip_code: str) -> bool:
    """Whether it was another one before."""
    profile = HouseholdProfile.objects.filter(household=household).first()
    if (profile.zip_code if profile else "") == zip_code:
        return False
    HouseholdProfile.objects.update_or_create(household=household, defaults={"zip_code": zip_code})
    return True


# Correcting -----------------------------------------------------------------------------


def _claim(household_id: int, seen: datetime, *, by: Actor, at: datetime) -> Household:
    """Locks the household's row until the commit. Of two people who saw the same, one is refused,
    and so is whoever corrects a household while it is merged into another."""
    household = Household.objects.filter(pk=household_id)
    current = household.filter(updated_at=seen, deleted_on=None)
    later = max(at, seen + timedelta(microseconds=1))
    if not current.update(updated_at=later, last_updated_by=by.legacy_id):
        if household.filter(deleted_on=None).exists():
            raise ChangedMeanwhile
        raise HouseholdNotResolved
    return household.get()


def _edit_problems(
    members: Sequence[MemberEdit], zip_code: str, *, today: date
) -> list[FieldError]:
    errors = _zip_problems(zip_code)
    for place, edited in enumerate(members):
        errors += _problems(edited.person, f"members.{place}.", today)
    return errors


def _check_members(members: Sequence[MemberEdit], old: Sequence[HouseholdMember]) -> None:
    """Raises InvalidRequest for strangers, and if too many or none would be left."""
    is_active = {member.pk: member.is_active for member in old}
    new, errors = 0, []
    for place, edited in enumerate(members):
        if edited.member_id is None:
            new += 1
        elif edited.member_id in is_active:
            is_active[edited.member_id] = edited.is_active
        else:
            detail = "This person is not a member of the household."
            errors.append(FieldError(f"members.{place}", "not_a_member", detail))
    staying = sum(is_active.values()) + new
    if not staying:
        errors.append(FieldError("members", "empty", "Somebody has to stay in the household."))
    if new and staying > MAX_PEOPLE:
        errors.append(FieldError("members", "too_many", _TOO_MANY))
    _check(errors)


def _change_each(
    members: Sequence[MemberEdit], old: Sequence[HouseholdMember], *, at: datetime
) -> Changed:
    """Writes what differs; returns the names of the changed fields by member."""
    by_id = {member.pk: member for member in old}
    changed: Changed = {}
    for edited in members:
        if edited.member_id is None:
            continue
        member = by_id[edited.member_id]
        person = _tidy(edited.person, member.last_name)
        fields = _save(
            member,
            at=at,
            first_name=person.first_name,
            last_name=person.last_name,
            date_of_birth=person.date_of_birth or UNKNOWN_BIRTH_DATE,
            is_active=edited.is_active,
        )
        if fields:
            changed[str(member.pk)] = fields
    return changed


def _save(member: HouseholdMember, *, at: datetime, **values: object) -> list[str]:
    fields = [field for field, value in values.items() if getattr(member, field) != value]
    if fields:
        for field in fields:
            setattr(member, field, values[field])
        member.updated_at = at
        member.save(update_fields=[*fields, "updated_at"])
    return fields


def _add_new(
    household: Household,
    members: Sequence[MemberEdit],
    old: Sequence[HouseholdMember],
    *,
    by: Actor,
    at: datetime,
) -> list[HouseholdMember]:
    head = _head(old)
    last_name = head.last_name if head else household.name
    people = [_tidy(edited.person, last_name) for edited in members if edited.member_id is None]
    added = [_member(household, person, by=by, at=at) for person in people]
    for member in added:
        member.save(force_insert=True)
    return added


def _head(members: Sequence[HouseholdMember]) -> HouseholdMember | None:
    return next((member for member in members if member.is_head_of_household), None)


def _choose_head(members: Sequence[HouseholdMember], changed: Changed, *, at: datetime) -> None:
    """If the head has left, the next active member becomes the head."""
    head = _head(members)
    if head is None or head.is_active:
        return
    following = next(member for member in members if member.is_active)
    for member, is_head in ((head, False), (following, True)):
        fields = _save(member, at=at, is_head_of_household=is_head)
        changed[str(member.pk)] = [*changed.get(str(member.pk), []), *fields]


def _name_after(members: Sequence[HouseholdMember]) -> str:
    """The household's name after its head. Adopted ones may have another name, or no head."""
    head = _head(members)
    return _name(head.last_name) if head else ""


# What can be wrong ----------------------------------------------------------------------


def _check(errors: Sequence[FieldError]) -> None:
    if errors:
        raise InvalidRequest(*errors)


def _problems(person: Person, prefix: str, today: date) -> list[FieldError]:
    errors = []
    if not person.first_name.strip():
        errors.append(FieldError(f"{prefix}first_name", "required", "Enter the first name."))
    for field in ("first_name", "last_name"):
        if len(getattr(person, field)) > _LONGEST_NAME:
            detail = f"A name has at most {_LONGEST_NAME} letters."
            errors.append(FieldError(f"{prefix}{field}", "too_long", detail))
    born = person.date_of_birth
    if born is not None and not UNKNOWN_BIRTH_DATE < born <= today:
        detail = "Nobody was born on that day. Leave it empty if you do not know it."
        errors.append(FieldError(f"{prefix}date_of_birth", "impossible", detail))
    return errors


def _zip_problems(zip_code: str) -> list[FieldError]:
    if not zip_code or _ZIP.fullmatch(zip_code):
        return []
    return [FieldError("zip_code", "invalid", "A ZIP code has five digits, as in 43215.")]
