"""The shape of what goes in and out. No rules: those are the services'."""

from typing import Any

from rest_framework import serializers

from registrations.models import EventRegistration

MAX_PUBLIC_ID = 2**32 - 1  # INT UNSIGNED
MAX_PRIVATE_ID = 2**63 - 1  # BIGINT
MAX_ATTENDEES = 1000


class _WholeNumber(serializers.IntegerField):
    """A JSON number (or one written as a string), not true, not 1.5."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | float):
            self.fail("invalid")
        return super().to_internal_value(data)


def _id(maximum: int, **options: Any) -> _WholeNumber:
    return _WholeNumber(min_value=1, max_value=maximum, **options)


class MoveInput(serializers.Serializer[Any]):
    """Where to: a slot, or a date that has no slots."""

    event_slot_id = _id(MAX_PUBLIC_ID, required=False, allow_null=True, default=None)
    event_date_id = _id(MAX_PUBLIC_ID, required=False, allow_null=True, default=None)
    event_id = _id(MAX_PUBLIC_ID, required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event_slot_id"] is None and attrs["event_date_id"] is None:
            raise serializers.ValidationError(
                {"event_slot_id": "Name a slot, or event_date_id for a date without slots."},
                code="required",
            )
        return attrs


class RegisterInput(MoveInput):
    """Where, and who comes."""

    household_id = _id(MAX_PRIVATE_ID, required=False, allow_null=True, default=None)
    attendees = serializers.ListField(
        child=_id(MAX_PRIVATE_ID), allow_empty=False, max_length=MAX_ATTENDEES
    )
    waitlist = serializers.BooleanField(default=True)


def registration_body(registration: EventRegistration) -> dict[str, Any]:
    """A registration as the API shows it; `queries.show` must have seen it."""
    appointment = registration.appointment
    return {
        "id": registration.pk,
        "confirmation_code": registration.confirmation_code,
        "status": str(registration.status or registration.event_status or ""),
        "status_id": registration.event_status_id,
        "household_id": registration.household_id,
        "event_id": registration.event_id or (appointment and appointment.event_id),
        "event_date_id": registration.event_date_id or (appointment and appointment.event_date_id),
        "event_slot_id": registration.event_slot_id,
        "waitlist_position": registration.waitlist_position,
        "attendees": [
            {
                "household_member_id": member.pk,
                "first_name": member.first_name,
                "last_name": member.last_name,
            }
            for member in registration.attending
        ],
        "schedule": appointment
        and {
            "event_name": appointment.event_name,
            "date": appointment.date and appointment.date.isoformat(),
            "start_time": appointment.start_time,
            "end_time": appointment.end_time,
        },
        "created_at": registration.created_at,
        "updated_at": registration.updated_at,
        "cancelled_at": registration.cancelled_at,
        "checked_in_at": registration.checked_in_at,
    }
