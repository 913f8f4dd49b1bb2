"""Staff write notes: standing ones on a household, one on a registration."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from registrations.desk import common
from registrations.desk.household_forms import NotesForm
from registrations.errors import ChangedMeanwhile, HouseholdNotResolved, InvalidRequest
from registrations.models import EventRegistration, Household, Note
from registrations.services import notes

KINDS = sorted(Note.Kind, key=lambda kind: kind is Note.Kind.OTHER)
"""As the form shows them: what fits nowhere else comes last."""


def of_household(request: HttpRequest, household_id: int) -> HttpResponse:
    """The notes that hold at every visit."""
    common.check_permission(request, "note", "household")
    household = get_object_or_404(Household, pk=household_id)
    back = reverse("admin:registrations_household_change", args=[household_id])
    if household.is_deleted:
        messages.error(request, common.error_message(HouseholdNotResolved()))
        return redirect(back)
    initial = {note.kind: note.text for note in household.notes.all()}
    form = NotesForm(_sent(request), kinds=KINDS, initial=initial)
    if form.is_valid():
        try:
            notes.write_standing(
                household_id, texts=form.cleaned_data, seen=form.seen, by=common.actor(request)
            )
        except common.REFUSALS as refusal:
            if (page := _refused(request, form, refusal)) is not None:
                return page
        else:
            return _saved(request, back)
    return common.page(
        request,
        "edit_notes.html",
        f"Notes on {household}",
        form=form,
        about="These hold at every visit: staff see them when they find the household.",
        back=common.next_url(request, back),
    )


def of_registration(request: HttpRequest, registration_id: int) -> HttpResponse:
    """The note on one registration."""
    common.check_permission(request, "note", "household")
    registration = get_object_or_404(
        EventRegistration.objects.select_related("household"), pk=registration_id
    )
    back = reverse("admin:registrations_eventregistration_change", args=[registration_id])
    kind = Note.Kind.OTHER
    initial = {note.kind: note.text for note in registration.notes.all()}
    form = NotesForm(_sent(request), kinds=[kind], initial=initial)
    form.fields[kind].label = "Note on this registration"
    if form.is_valid():
        try:
            notes.write(
                registration,
                text=form.cleaned_data[kind],
                seen=form.seen[kind],
                by=common.actor(request),
            )
        except common.REFUSALS as refusal:
            if (page := _refused(request, form, refusal)) is not None:
                return page
        else:
            return _saved(request, back)
    return common.page(
        request,
        "edit_notes.html",
        f"Note: {registration.household or 'No household'}, {registration.confirmation_code}",
        form=form,
        about="It belongs to this registration only.",
        back=common.next_url(request, back),
    )


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _saved(request: HttpRequest, back: str) -> HttpResponse:
    messages.success(request, "Notes saved.")
    return redirect(common.next_url(request, back))


def _refused(request: HttpRequest, form: NotesForm, refusal: Exception) -> HttpResponse | None:
    """Opens the page anew if somebody was faster, so that it shows what they wrote."""
    if isinstance(refusal, ChangedMeanwhile):
        messages.error(request, str(refusal))
        return redirect(request.get_full_path())
    if isinstance(refusal, InvalidRequest):
        for error in refusal.errors:
            form.add_error(error.field, error.detail)
    else:
        form.add_error(None, common.error_message(refusal))
    return None
