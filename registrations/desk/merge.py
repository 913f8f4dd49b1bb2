"""Administrators merge two households into one.

They open the household that stays, find the other one, and see what will happen before they
confirm. A registration of both on one date has to be cancelled first.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from registrations.desk import common
from registrations.errors import HouseholdNotResolved, InvalidRequest
from registrations.models import EventRegistration, Household, HouseholdMember
from registrations.queries import details, households, names
from registrations.queries.details import RegistrationDetails
from registrations.services import merging

SEARCH_LIMIT = 20
"""Households shown by a search."""

Pair = tuple[RegistrationDetails, RegistrationDetails]


def show(request: HttpRequest, household_id: int) -> HttpResponse:
    """Which household to take over; then what that does; then does it."""
    common.check_permission(request, "merge", "household")
    household = get_object_or_404(Household, pk=household_id)
    page = redirect("admin:registrations_household_change", household_id)
    if household.is_deleted:
        messages.error(request, common.error_message(HouseholdNotResolved()))
        return page
    other = _other(request, household)
    if other is None:
        return _choose(request, household)
    if request.method == "POST" and _merge(request, household, other):
        return page
    return _preview(request, household, other)


def _other(request: HttpRequest, household: Household) -> Household | None:
    other_id = common.parse_id(request.GET.get("other"))
    if not other_id or other_id == household.pk:
        return None
    other = Household.objects.filter(pk=other_id, deleted_on=None).first()
    if other is None:
        messages.error(request, common.error_message(HouseholdNotResolved()))
    return other


def _merge(request: HttpRequest, household: Household, other: Household) -> bool:
    same = {
        member.pk: kept
        for member in other.members.all()
        if (kept := common.parse_id(request.POST.get(f"same-{member.pk}")))
    }
    try:
        merging.merge(other.pk, into_id=household.pk, duplicates=same, by=common.actor(request))
    except InvalidRequest as refusal:
        messages.error(request, " ".join(error.detail for error in refusal.errors))
        return False
    except common.REFUSALS as refusal:
        messages.error(request, common.error_message(refusal))
        return False
    messages.success(
        request, f"Merged: {_named(other)} is now part of {household}. No place moved."
    )
    return True


def _named(household: Household) -> str:
    """With the code: the two may well have the same name."""
    return f"{household} ({household.identification_code})"


def _choose(request: HttpRequest, household: Household) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    found = names.households(text, SEARCH_LIMIT) if text else []
    return common.page(
        request,
        "merge.html",
        f"Merge another household into {household}",
        household=household,
        text=text,
        found=[each for each in found if each.pk != household.pk],
    )


def _preview(request: HttpRequest, household: Household, other: Household) -> HttpResponse:
    collisions = _pairs(households.collisions(household.pk, other.pk))
    staying = [member for member in _members(household) if member.is_active]
    return common.page(
        request,
        "merge.html",
        f"Merge {_named(other)} into {_named(household)}",
        household=household,
        other=other,
        collisions=collisions,
        count=other.registrations.count(),
        staying=staying,
        moving=[(member, _twin(member, staying)) for member in _members(other)],
        warning=""
        if all(one.is_schedule_available for one, _ in collisions)
        else common.SCHEDULES_DOWN,
    )


def _pairs(collisions: list[tuple[EventRegistration, EventRegistration]]) -> list[Pair]:
    shown = details.read([registration for pair in collisions for registration in pair])
    return list(zip(shown[::2], shown[1::2], strict=True))


def _members(household: Household) -> list[HouseholdMember]:
    return list(household.members.order_by("-is_head_of_household", "pk"))


def _twin(member: HouseholdMember, staying: list[HouseholdMember]) -> int | None:
    """The id of the member who has the same name, and no other birth date as far as is known."""
    for other in staying:
        is_same_name = str(member).lower() == str(other).lower()
        dates = {member.birth_date, other.birth_date} - {None}
        if is_same_name and len(dates) < 2:
            return other.pk
    return None
