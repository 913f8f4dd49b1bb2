"""The desk's forms. Their choices come from the current state of the databases."""

from datetime import datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from registrations.models import HouseholdMember
from registrations.queries.occupancy import Day, Occupancy
from schedules import display
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
        self.occupancies = {_key(occupancy): occupancy for occupancy in day.targets} if day else {}
        choices = [(key, _label(occupancy)) for key, occupancy in self.occupancies.items()]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["target"].initial = choices[0][0]

    @property
    def options(self) -> list[tuple[BoundWidget, Occupancy]]:
        """Each radio button with the occupancy of its slot."""
        return [(radio, self.occupancies[radio.data["value"]]) for radio in self["target"]]

    @property
    def chosen(self) -> Target:
        return self.occupancies[self.cleaned_data["target"]].target


def _key(occupancy: Occupancy) -> str:
    return f"{occupancy.target.kind}-{occupancy.target.id}"


def _label(occupancy: Occupancy) -> str:
    times = display.times(occupancy.start_time, occupancy.end_time)
    waiting = f", {occupancy.waiting} waiting" if occupancy.waiting else ""
    return f"{times}: {occupancy.free} of {occupancy.capacity} free{waiting}"


class AttendeesForm(forms.Form):
    """Which members of a household attend."""

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


class CameTodayForm(AttendeesForm, TargetForm):
    """A place of today for a household that is registered for another day."""

    reason = forms.CharField(
        max_length=200,
        label="Reason",
        initial="Came on another day",
        help_text="The history keeps it.",
        error_messages={"required": "Say why the household came today."},
    )

    field_order = ("target", "attendees", "reason")

    def __init__(self, *args: Any, day: Day, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, day=day, **kwargs)
        # The slot that is running, or the next, if it has room.
        clock = f"{now.astimezone(day.event_date.event.zone):%H:%M}"
        for key, occupancy in self.occupancies.items():
            if occupancy.free and (occupancy.end_time or "24:00") > clock:
                self.fields["target"].initial = key
                break
