"""Forms about a household: enter it, correct it, its notes."""

from collections.abc import Iterable
from datetime import date
from typing import Any, cast

from django import forms
from django.forms import BaseFormSet, formset_factory

from registrations.desk.forms import TargetForm
from registrations.errors import FieldError
from registrations.models import HouseholdMember, Note
from registrations.services import notes
from registrations.services.enrolment import MAX_PEOPLE, MemberEdit, Person


def _birth_date(**options: Any) -> forms.DateField:
    return forms.DateField(
        required=False,
        label="Birth date",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "That date does not exist."},
        **options,
    )


class NamesForm(forms.Form):
    """One person. A row that is left empty stands for nobody."""

    first_name = forms.CharField(required=False, label="First name")
    last_name = forms.CharField(required=False, label="Last name")
    date_of_birth = _birth_date()

    @property
    def person(self) -> Person:
        return Person(**{name: self.cleaned_data[name] for name in _PERSON})

    @property
    def is_empty(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in _FILLED)


_PERSON = ("first_name", "last_name", "date_of_birth")
_FILLED = (*_PERSON, "member_id")


class MemberForm(NamesForm):
    """A member as the household has it. `member_id` is empty for somebody new."""

    member_id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    is_active = forms.BooleanField(required=False, label="Belongs to the household")

    @property
    def edited(self) -> MemberEdit:
        data = self.cleaned_data
        return MemberEdit(self.person, data["member_id"], is_active=data["is_active"])


class Members(BaseFormSet):
    """Rows of people. A refusal names them by their place among the rows that are not empty."""

    @property
    def filled(self) -> list[Any]:
        return [form for form in self.forms if not form.is_empty]

    @property
    def is_filled(self) -> bool:
        return self.is_bound and self.is_valid() and bool(self.filled)

    def add_error(self, path: str, detail: str) -> bool:
        """Shows a refusal of `members.2.first_name` at its field; False if it is not about one."""
        name, _, rest = path.partition(".")
        place, _, field = rest.partition(".")
        if name != "members" or not place.isdigit():
            return False
        form = self.filled[int(place)]
        form.add_error(field if field in form.fields else None, detail)
        return True


NewMembers = cast("type[Members]", formset_factory(NamesForm, Members, extra=6, max_num=MAX_PEOPLE))
EditedMembers = cast(
    "type[Members]", formset_factory(MemberForm, Members, extra=2, max_num=2 * MAX_PEOPLE)
)


class HouseholdForm(forms.Form):
    """A household that nobody knows yet: its head, and how many they are."""

    first_name = forms.CharField(label="First name", error_messages={"required": "Enter it."})
    last_name = forms.CharField(label="Last name", error_messages={"required": "Enter it."})
    people = forms.IntegerField(
        label="How many people?",
        min_value=1,
        max_value=MAX_PEOPLE,
        error_messages={
            "required": "How many people, with this one?",
            "max_value": f"A household has at most {MAX_PEOPLE} people here.",
        },
    )
    zip_code = forms.CharField(required=False, label="ZIP code", max_length=10)
    date_of_birth = _birth_date()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, hints in _HINTS.items():
            self.fields[name].widget.attrs |= {"autocomplete": "off", **hints}
        self.members = NewMembers(self.data if self.is_bound else None, prefix="members")

    def is_valid(self) -> bool:
        rows_are_valid = not self.is_bound or self.members.is_valid()
        return super().is_valid() and rows_are_valid

    @property
    def household(self) -> dict[str, Any]:
        """What the services take."""
        data = self.cleaned_data
        return {
            "head": Person(**{name: data[name] for name in _PERSON}),
            "members": [row.person for row in self.members.filled],
            "people": data["people"],
            "zip_code": data["zip_code"],
        }

    def show(self, errors: Iterable[FieldError]) -> None:
        """Shows each refusal at the field it is about."""
        for error in errors:
            if not self.members.add_error(error.field, error.detail):
                self.add_error(error.field if error.field in self.fields else None, error.detail)


_HINTS: dict[str, dict[str, str]] = {
    "first_name": {},
    "last_name": {},
    "people": {"inputmode": "numeric"},
    "zip_code": {"inputmode": "numeric"},
    "date_of_birth": {},
}


class NewWalkInForm(HouseholdForm, TargetForm):
    """A household that nobody knows, and its place at the gate."""


class EditForm(forms.Form):
    """A household as it is. `seen` is its `updated_at` when the page was opened."""

    seen = forms.CharField(widget=forms.HiddenInput)
    zip_code = forms.CharField(required=False, label="ZIP code", max_length=10)


def rows_of(members: list[HouseholdMember]) -> list[dict[str, str | int | date | bool | None]]:
    """The members as initial data; an unknown birth date is an empty field."""
    return [
        {
            "member_id": member.pk,
            "first_name": member.first_name,
            "last_name": member.last_name,
            "date_of_birth": member.birth_date,
            "is_active": member.is_active,
        }
        for member in members
    ]


class NotesForm(forms.Form):
    """A text for each kind of note. Each field also sends what it showed, as `seen`."""

    def __init__(self, *args: Any, kinds: list[Note.Kind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in kinds:
            self.fields[kind.value] = forms.CharField(
                required=False,
                label=_LABELS.get(kind, kind.label),
                max_length=notes.LONGEST,
                show_hidden_initial=True,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    @property
    def seen(self) -> dict[str, str]:
        return {name: self.data.get(self[name].html_initial_name, "") for name in self.fields}


_LABELS = {
    Note.Kind.PROXY: "Who else may pick up",
    Note.Kind.OTHER: "Anything else",
}
