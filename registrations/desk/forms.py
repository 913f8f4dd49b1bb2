"""What staff choose in the desk's forms. Choices come from what stands in the databases now."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from registrations.models import HouseholdMember
from registrations.queries.occupancy import Day, Fill
from schedules.targets import Target


class TargetForm(forms.Form):
    """A slot of a date, or the date itself where it has no slots."""

    target = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a slot.",
            "invalid_choice": "That slot is not on this date. Choose one of the slots shown.",
        },
    )
    reason = forms.CharField(
        required=False,
        max_length=200,
        label="Reason",
        help_text="Only if booking is closed: why you override it. The history keeps the reason.",
    )

    def __init__(self, *args: Any, day: Day | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fills = {_key(fill): fill for fill in day.targets} if day else {}
        choices = [(key, _label(fill)) for key, fill in self.fills.items()]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["target"].initial = choices[0][0]

    @property
    def options(self) -> list[tuple[BoundWidget, Fill]]:
        """Each radio button with how full its slot is."""
        return [(radio, self.fills[radio.data["value"]]) for radio in self["target"]]

    @property
    def chosen(self) -> Target:
        return self.fills[self.cleaned_data["target"]].target


def _key(fill: Fill) -> str:
    return f"{fill.target.kind}-{fill.target.id}"


def _label(fill: Fill) -> str:
    times = f"{fill.start_time}–{fill.end_time}" if fill.start_time else "All day"
    waiting = f", {fill.waiting} waiting" if fill.waiting else ""
    return f"{times}: {fill.free} of {fill.capacity} free{waiting}"


class AttendeesForm(forms.Form):
    """Which members of a household come."""

    attendees = forms.TypedMultipleChoiceField(
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Name at least one attendee."},
    )

    def __init__(self, *args: Any, members: list[HouseholdMember], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(member.pk, str(member)) for member in members]
        self.fields["attendees"].choices = choices  # type: ignore[attr-defined]
        self.fields["attendees"].initial = [member.pk for member in members]


class BookingForm(AttendeesForm, TargetForm):
    """A place for a household, booked by staff."""

    join_waitlist = forms.BooleanField(
        required=False, initial=True, label="Join the waitlist if no place is free"
    )

    field_order = ("target", "attendees", "join_waitlist", "reason")


class WalkInForm(AttendeesForm, TargetForm):
    """A place for a household at the gate."""

    field_order = ("target", "attendees", "reason")
