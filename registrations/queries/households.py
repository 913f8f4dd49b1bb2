"""Households and their members: who may come, who came."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from django.db.models import Q

from freshtrak.databases import PRIVATE, query
from registrations.errors import FieldError, HouseholdNotResolved, InvalidRequest
from registrations.models import EventRegistration, Household, HouseholdMember
from registrations.queries import names


def attendees(household_id: int, member_ids: Sequence[int]) -> list[HouseholdMember]:
    """The members of the household with these ids, in this order.

    Raises InvalidRequest with an error for each id that cannot attend, HouseholdNotResolved if
    the household does not exist or is gone.
    """
    rows = query(PRIVATE, _HOUSEHOLD_AND_MEMBERS, household_id)
    if not rows or rows[0][0] is not None:
        raise HouseholdNotResolved
    members = {
        row[1]: HouseholdMember.from_db(PRIVATE, _MEMBER_COLUMNS, row[1:])
        for row in rows
        if row[1] is not None
    }

    def problem(member_id: int) -> tuple[str, str] | None:
        if member_id not in members:
            return "not_a_member", f"{member_id} is not a member of this household."
        if not members[member_id].is_active:
            return "inactive_member", f"Member {member_id} is no longer active."
        return None

    _check_each(member_ids, problem)
    return [members[member_id] for member_id in member_ids]


_MEMBER_COLUMNS = ("id", "household_id", "first_name", "last_name", "is_active")
_HOUSEHOLD_AND_MEMBERS = f"""
    SELECT household.deleted_on, {", ".join(f"member.{column}" for column in _MEMBER_COLUMNS)}
    FROM households household
    LEFT JOIN household_members member ON member.household_id = household.id
    WHERE household.id = %s
"""  # noqa: S608


def attending(registration: EventRegistration, member_ids: Sequence[int] | None) -> list[int]:
    """Those of the registration's attendees who came: all, or the ones named.

    Raises InvalidRequest with an error for each that is not an attendee, or named twice.
    """
    expected = list(
        registration.attendees.order_by("pk").values_list("household_member_id", flat=True)
    )
    if member_ids is None:
        return [member_id for member_id in expected if member_id is not None]

    def problem(member_id: int) -> tuple[str, str] | None:
        if member_id not in expected:
            return "not_an_attendee", f"{member_id} is not an attendee of this registration."
        return None

    _check_each(member_ids, problem)
    return list(member_ids)


def _check_each(
    member_ids: Sequence[int], problem: Callable[[int], tuple[str, str] | None]
) -> None:
    """Raises InvalidRequest if nobody is named, somebody twice, or one with a `problem`."""
    errors = []
    if not member_ids:
        errors.append(FieldError("attendees", "empty", "Name at least one attendee."))
    seen: set[int] = set()
    for position, member_id in enumerate(member_ids):
        found = problem(member_id)
        if member_id in seen:
            found = ("duplicate", f"Member {member_id} is named twice.")
        seen.add(member_id)
        if found:
            errors.append(FieldError(f"attendees.{position}", *found))
    if errors:
        raise InvalidRequest(*errors)


def names_of_members(member_ids: Iterable[int]) -> dict[int, str]:
    """The names of members by id; without those that are gone."""
    ids = set(member_ids)
    members = HouseholdMember.objects.filter(pk__in=ids) if ids else []
    return {member.pk: str(member) for member in members}


def check_active(household_id: int) -> None:
    """Raises HouseholdNotResolved if the household does not exist or is gone."""
    if not Household.objects.filter(pk=household_id, deleted_on=None).exists():
        raise HouseholdNotResolved


def household_id_of_user(user_id: int) -> int | None:
    """The household whose active member is this user; None if there is none."""
    members = HouseholdMember.objects.filter(
        user_id=user_id, is_active=True, household__deleted_on=None
    )
    return members.order_by("pk").values_list("household_id", flat=True).first()


def household_with_members(household_id: int) -> tuple[Household, list[HouseholdMember]]:
    """A household and its active members, the head first. Raises HouseholdNotResolved."""
    household = Household.objects.filter(pk=household_id, deleted_on=None).first()
    if household is None:
        raise HouseholdNotResolved
    members = household.members.filter(is_active=True)
    return household, list(members.order_by("-is_head_of_household", "pk"))


def likely_duplicates(
    first_name: str, last_name: str, date_of_birth: date | None, *, limit: int
) -> list[Household]:
    """Active households with a member of this name, or of this birth date and one of the names.

    One wrong letter in a name is fine. The members are read too.
    """
    first, last = _similar("first_name", first_name), _similar("last_name", last_name)
    condition = first & last
    if date_of_birth is not None:
        condition |= Q(date_of_birth=date_of_birth) & (first | last)
    similar = HouseholdMember.objects.filter(condition, is_active=True)
    found = Household.objects.filter(pk__in=similar.values("household_id"), deleted_on=None)
    return list(found.prefetch_related("members").order_by("name", "pk")[:limit])


def _similar(field: str, name: str) -> Q:
    condition = Q(**{f"{field}__iexact": name})
    if pattern := names.typo_pattern(name):
        condition |= Q(**{f"{field}__iregex": f"^{pattern}$"})
    return condition


def collisions(one_id: int, other_id: int) -> list[tuple[EventRegistration, EventRegistration]]:
    """Active registrations of two households on the same dates, in pairs."""
    active = EventRegistration.objects.active().select_related("event_status")
    dates = {
        registration.event_date_id: registration
        for registration in active.filter(household_id=one_id, event_date_id__isnull=False)
    }
    others = active.filter(household_id=other_id, event_date_id__in=dates).order_by("pk")
    return [(dates[other.event_date_id], other) for other in others]
