"""What may be sent. Shape and courtesy checks only; the rules are the services'."""

from typing import Any

from rest_framework import serializers

from registrations.models import Status

MAX_PUBLIC_ID = 2**32 - 1  # INT UNSIGNED
MAX_PRIVATE_ID = 2**63 - 1  # BIGINT
MAX_ATTENDEES = 1000


class _WholeNumber(serializers.IntegerField):
    """A JSON number, not a string that looks like one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class _Boolean(serializers.BooleanField):
    """true or false, not a word for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def _id(maximum: int, **options: Any) -> _WholeNumber:
    return _WholeNumber(min_value=1, max_value=maximum, **options)


def _optional_id(maximum: int, help_text: str) -> _WholeNumber:
    return _id(maximum, required=False, allow_null=True, default=None, help_text=help_text)


def _attendees(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=_id(MAX_PRIVATE_ID), allow_empty=False, max_length=MAX_ATTENDEES, **options
    )


class MoveInput(serializers.Serializer[Any]):
    """Where to: a slot, or a date that has no slots."""

    event_slot_id = _optional_id(MAX_PUBLIC_ID, "The slot to book.")
    event_date_id = _optional_id(
        MAX_PUBLIC_ID, "The date, where it has no slots; beside a slot it must be the slot's."
    )
    event_id = _optional_id(MAX_PUBLIC_ID, "Optional; must be the event of the date.")
    override_reason = serializers.CharField(
        max_length=255, required=False, default="",
        help_text="Staff: book although booking is not open. Kept in the history.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event_slot_id"] is None and attrs["event_date_id"] is None:
            raise serializers.ValidationError(
                {"event_slot_id": "Name a slot, or event_date_id for a date without slots."},
                code="required",
            )
        return attrs


class RegisterInput(MoveInput):
    """Where, and who comes."""

    household_id = _optional_id(MAX_PRIVATE_ID, "Staff: the household to book for.")
    attendees = _attendees(help_text="Household members who will come.")
    waitlist = _Boolean(default=True, help_text="false: rather nothing than a place in the queue.")


class AttendeesInput(serializers.Serializer[Any]):
    attendees = _attendees(help_text="All who will come, instead of those named so far.")


class CheckInInput(serializers.Serializer[Any]):
    attendees = _attendees(
        required=False, allow_null=True, default=None, help_text="Who came. Default: all."
    )


class NoInput(serializers.Serializer[Any]):
    """Nothing needs to be sent."""


class RegistrationFilters(serializers.Serializer[Any]):
    status = serializers.ChoiceField(Status.choices, required=False)
    event_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    event_date_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    event_slot_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    household_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PRIVATE_ID)
    date_from = serializers.DateField(required=False, help_text="Day of the distribution.")
    date_to = serializers.DateField(required=False, help_text="Day of the distribution.")
    when = serializers.ChoiceField(["upcoming", "past"], required=False)
    search = serializers.CharField(
        required=False, max_length=100, allow_blank=True,
        help_text="Confirmation code; for staff also the name of a household or a member.",
    )  # fmt: skip
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], required=False, help_text="Default: newest first."
    )


class CheckInFilters(serializers.Serializer[Any]):
    registration_id = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PRIVATE_ID
    )
    event_date_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    household_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PRIVATE_ID)
