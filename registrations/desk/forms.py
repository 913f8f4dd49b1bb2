"""The desk's forms. Their choices come from the current state of the databases."""

from datetime import datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from registrations.models import HouseholdMember
from registrations.queries.occupancy import Day, Occupancy
from schedules import display
from schedules.targets import Target

WALK_IN = "walk-in"
"""The reason that a walk-in brings along where the schedule allows walk-ins."""


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
    """A place for a household at the gate: in the running slot, unless staff choose another.

    A slot that is over needs a reason of its own.
    """

    field_order = ("target", "attendees", "reason")

    def __init__(self, *args: Any, day: Day, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, day=day, **kwargs)
        self.over = {key for key, place in self.occupancies.items() if _is_over(place, day, now)}
        self.fields["reason"].help_text = (
            "If booking is closed or the slot is over: why you override it. "
            "The history keeps the reason."
        )
        left = [key for key in self.occupancies if key not in self.over]
        with_room = [key for key in left if self.occupancies[key].free]
        if with_room or self.over:
            self.fields["target"].initial = next(iter(with_room), None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = cleaned.get("target")
        if chosen in self.over and cleaned.get("reason", "") in {"", WALK_IN}:
            ended = display.clock(self.occupancies[chosen].end_time).rstrip(".")
            self.add_error("reason", f"This slot ended at {ended}. Say why you still book it.")
        return cleaned


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


def _is_over(place: Occupancy, day: Day, now: datetime) -> bool:
    """Whether it has ended earlier today. (A day that is over is closed, with a reason for all.)"""
    local = now.astimezone(day.event_date.event.zone)
    if day.event_date.date != local.date() or not place.end_time:
        return False
    ends_today = place.end_time > (place.start_time or "")
    return ends_today and place.end_time <= f"{local:%H:%M}"
