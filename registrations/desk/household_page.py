"""The page of a household: who belongs to it, its notes and registrations, what happened to it."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.dateparse import parse_datetime

from audit import wording
from audit.models import AuditEvent
from registrations.desk import common
from registrations.desk.household_forms import EditedMembers, EditForm, rows_of
from registrations.errors import ChangedMeanwhile, HouseholdNotResolved, InvalidRequest
from registrations.models import Household, HouseholdMember, HouseholdProfile
from registrations.queries import details, registrations
from registrations.services import enrolment

REGISTRATIONS = 100
"""Registrations of a household that its page shows: the newest."""


def show(request: HttpRequest, household: Household) -> HttpResponse:
    """Everything that staff may know of it."""
    common.check_permission(request, "view", "household")
    shown = []
    if common.has_permission(request, "view"):
        of_household = registrations.registrations().filter(household_id=household.pk)
        shown = details.read(list(of_household[:REGISTRATIONS]))
    history = AuditEvent.objects.filter(registration_id=None, household_id=household.pk)
    events = list(history.order_by("pk"))
    names = common.names_of(event.actor_id for event in events)
    may = {name: common.has_permission(request, name, "household") for name in _MAY}
    return common.page(
        request,
        "household.html",
        str(household),
        household=household,
        profile=_profile(household),
        merged=HouseholdProfile.objects.filter(merged_into=household).select_related("household"),
        members=_members(household),
        notes=household.notes.all(),
        registrations=shown,
        names=common.names_of_check_ins(shown),
        history=[(event, _who(event, names), wording.household(event)) for event in events],
        may_add=common.has_permission(request, "add") and not household.is_deleted,
        may={name: may[name] and not household.is_deleted for name in _MAY},
    )


_MAY = ("enrol", "note", "merge")


def edit(request: HttpRequest, household_id: int) -> HttpResponse:
    """Corrects names, birth dates and ZIP code, adds members, marks those who left."""
    common.check_permission(request, "enrol", "household")
    household = get_object_or_404(Household, pk=household_id)
    page = redirect("admin:registrations_household_change", household_id)
    if household.is_deleted:
        messages.error(request, common.error_message(HouseholdNotResolved()))
        return page
    sent = request.POST if request.method == "POST" else None
    zip_code = _profile(household).zip_code
    form = EditForm(sent, initial={"seen": household.updated_at.isoformat(), "zip_code": zip_code})
    rows = EditedMembers(sent, prefix="members", initial=rows_of(_members(household)))
    if sent is not None and form.is_valid() and rows.is_valid():
        try:
            enrolment.edit(
                household_id,
                seen=_seen(form),
                members=[row.edited for row in rows.filled],
                zip_code=form.cleaned_data["zip_code"],
                by=common.actor(request),
            )
        except ChangedMeanwhile as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        except InvalidRequest as refusal:
            for error in refusal.errors:
                if not rows.add_error(error.field, error.detail):
                    field = error.field if error.field in form.fields else None
                    form.add_error(field, error.detail)
        except common.REFUSALS as refusal:
            form.add_error(None, common.error_message(refusal))
        else:
            messages.success(request, f"Saved: {household}.")
            return page
    return common.page(
        request,
        "edit_household.html",
        f"Edit {household}",
        household=household,
        form=form,
        rows=rows,
    )


def _seen(form: EditForm) -> datetime:
    """Something that never matches, if it was tampered with: then nothing is saved."""
    try:
        seen = parse_datetime(form.cleaned_data["seen"])
    except ValueError:
        seen = None
    if seen is None or seen.tzinfo is None:
        raise ChangedMeanwhile
    return seen


def _profile(household: Household) -> HouseholdProfile:
    """What is known of it; an empty one if nothing is."""
    profile = HouseholdProfile.objects.filter(household=household).select_related("merged_into")
    return profile.first() or HouseholdProfile(household=household)


def _members(household: Household) -> list[HouseholdMember]:
    """The active ones first, the head before all others."""
    return list(household.members.order_by("-is_active", "-is_head_of_household", "pk"))


def _who(event: AuditEvent, names: dict[str, str]) -> str:
    return names.get(event.actor_id) or f"{wording.actor_kind(event)} {event.actor_id}".strip()
