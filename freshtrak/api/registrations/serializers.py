"""What may be sent about registrations, and what is answered: shapes and courtesy checks only.

The rules are the services'.
"""

from collections.abc import Collection
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import AuditEvent, CheckIn
from freshtrak.api.serializers import (
    MAX_PRIVATE_ID,
    MAX_PUBLIC_ID,
    BoundedListField,
    StrictBooleanField,
    WholeNumberField,
)
from registrations.models import Household, HouseholdMember, Status
from registrations.queries.details import RegistrationDetails

MAX_ATTENDEES = 1000


def _id(maximum: int, **options: Any) -> WholeNumberField:
    return WholeNumberField(min_value=1, max_value=maximum, **options)


def _optional_id(maximum: int, help_text: str) -> WholeNumberField:
    return _id(maximum, required=False, allow_null=True, default=None, help_text=help_text)


def _attendees(**options: Any) -> BoundedListField:
    return BoundedListField(
        child=_id(MAX_PRIVATE_ID), allow_empty=False, max_length=MAX_ATTENDEES, **options
    )


class MoveInputSerializer(serializers.Serializer):
    """Where to: a slot, or a date that has no slots."""

    event_slot_id = _optional_id(MAX_PUBLIC_ID, "The slot to book.")
    event_date_id = _optional_id(
        MAX_PUBLIC_ID, "The date, where it has no slots; beside a slot it must be the slot's."
    )
    event_id = _optional_id(MAX_PUBLIC_ID, "Optional; must be the event of the date.")
    override_reason = serializers.CharField(
        max_length=255,
        required=False,
        default="",
        help_text="Staff: book although booking is not open. The history keeps the reason.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event_slot_id"] is None and attrs["event_date_id"] is None:
            raise serializers.ValidationError(
                {"event_slot_id": "Name a slot, or event_date_id for a date without slots."},
                code="required",
            )
        return attrs


class RegisterInputSerializer(MoveInputSerializer):
    """Where, and who comes."""

    household_id = _optional_id(MAX_PRIVATE_ID, "Staff: the household to book for.")
    attendees = _attendees(help_text="Household members who will come.")
    waitlist = StrictBooleanField(
        default=True, help_text="false: answer 409 instead of joining the waitlist."
    )


class AttendeesInputSerializer(serializers.Serializer):
    attendees = _attendees(help_text="All who will come, instead of those named so far.")


class NoShowInputSerializer(serializers.Serializer):
    override_reason = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        default="",
        help_text="Why it is recorded before the day. The history keeps the reason.",
    )


class PromoteInputSerializer(serializers.Serializer):
    override_reason = serializers.CharField(
        max_length=255,
        required=False,
        default="",
        help_text="Promote although booking is closed. The history keeps the reason.",
    )


class CheckInInputSerializer(NoShowInputSerializer):
    attendees = _attendees(
        required=False, allow_null=True, default=None, help_text="Who came. Default: all."
    )


class NoInputSerializer(serializers.Serializer):
    """Nothing needs to be sent."""


class RegistrationFilterSerializer(serializers.Serializer):
    status = serializers.ChoiceField(Status.choices, required=False)
    event_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    event_date_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    event_slot_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    household_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PRIVATE_ID)
    date_from = serializers.DateField(required=False, help_text="Day of the distribution.")
    date_to = serializers.DateField(required=False, help_text="Day of the distribution.")
    when = serializers.ChoiceField(["upcoming", "past"], required=False)
    search = serializers.CharField(
        required=False,
        max_length=100,
        allow_blank=True,
        help_text="Confirmation code; for staff also the name of a household or a member.",
    )
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], required=False, help_text="Default: newest first."
    )


class CheckInFilterSerializer(serializers.Serializer):
    registration_id = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PRIVATE_ID
    )
    event_date_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    household_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PRIVATE_ID)


# What is answered ------------------------------------------------------------


class AttendeeOutputSerializer(serializers.Serializer):
    household_member_id = serializers.IntegerField(source="pk")
    first_name = serializers.CharField()
    last_name = serializers.CharField()


class RegisteredAttendeeOutputSerializer(AttendeeOutputSerializer):
    came = serializers.SerializerMethodField(
        help_text="Of a checked-in registration: whether this person came. Else null, "
        "and where it is not recorded."
    )

    def get_came(self, member: HouseholdMember) -> bool | None:
        present: Collection[int] | None = self.context.get("present")
        return None if present is None else member.pk in present


class AppointmentOutputSerializer(serializers.Serializer):
    event_name = serializers.CharField()
    date = serializers.DateField(allow_null=True)
    start_time = serializers.CharField(allow_null=True, help_text='"09:30"; "24:00" may end a day')
    end_time = serializers.CharField(allow_null=True)


class RegistrationOutputSerializer(serializers.Serializer[RegistrationDetails]):
    id = serializers.IntegerField(source="registration.pk")
    confirmation_code = serializers.CharField(source="registration.confirmation_code")
    status = serializers.SerializerMethodField(
        help_text="confirmed, waitlisted, cancelled, checked_in or no_show"
    )
    status_id = serializers.IntegerField(source="registration.event_status_id", allow_null=True)
    household_id = serializers.IntegerField(source="registration.household_id", allow_null=True)
    event_id = serializers.IntegerField(source="registration.event_id", allow_null=True)
    event_date_id = serializers.IntegerField(source="registration.event_date_id", allow_null=True)
    event_slot_id = serializers.IntegerField(
        source="registration.event_slot_id",
        allow_null=True,
        help_text="null where the date itself is booked",
    )
    waitlist_position = serializers.IntegerField(
        allow_null=True, help_text="1 is the head of the queue; null when not waiting"
    )
    attendees = serializers.SerializerMethodField()
    schedule = AppointmentOutputSerializer(
        source="appointment", allow_null=True, help_text="null when the schedule cannot be read"
    )
    created_at = serializers.DateTimeField(source="registration.created_at")
    updated_at = serializers.DateTimeField(source="registration.updated_at")
    cancelled_at = serializers.DateTimeField(source="registration.cancelled_at", allow_null=True)
    checked_in_at = serializers.DateTimeField(source="registration.checked_in_at", allow_null=True)
    checked_in_by = serializers.SerializerMethodField(
        help_text="Staff only; else null. User id of the member of staff."
    )

    @extend_schema_field(RegisteredAttendeeOutputSerializer(many=True))
    def get_attendees(self, details: RegistrationDetails) -> object:
        record = details.check_in
        context = {"present": record.household_member_ids if record else None}
        shown = RegisteredAttendeeOutputSerializer(details.attendees, many=True, context=context)
        return shown.data

    def get_checked_in_by(self, details: RegistrationDetails) -> str | None:
        is_staff = self.context.get("is_staff", False)
        return details.check_in.actor_id if details.check_in and is_staff else None

    def get_status(self, details: RegistrationDetails) -> str:
        registration = details.registration
        return str(registration.status or registration.event_status or "")


class HistoryOutputSerializer(serializers.Serializer):
    """One event of the trail."""

    at = serializers.DateTimeField()
    action = serializers.CharField()
    event_date_id = serializers.IntegerField(allow_null=True)
    event_slot_id = serializers.IntegerField(allow_null=True)
    details = serializers.JSONField(
        help_text="What belongs to the action: attendees (of a check-in: who came), a reason; "
        'day: "past" if attendance was entered later.'
    )
    actor = serializers.SerializerMethodField(help_text="Staff only; else null.")

    def get_actor(self, event: AuditEvent) -> str | None:
        if not self.context["is_staff"]:
            return None
        return f"{event.actor_kind} {event.actor_id}".strip()


class CheckInOutputSerializer(serializers.Serializer):
    """A check-in or its undoing, with the appointment as public has it now."""

    id = serializers.IntegerField(source="pk")
    at = serializers.DateTimeField()
    action = serializers.CharField(help_text="check_in or undo")
    registration_id = serializers.IntegerField()
    household_id = serializers.IntegerField(allow_null=True)
    event_date_id = serializers.IntegerField(allow_null=True)
    event_slot_id = serializers.IntegerField(allow_null=True)
    attendees = serializers.ListField(
        child=serializers.IntegerField(), source="household_member_ids"
    )
    attendee_count = serializers.IntegerField()
    by = serializers.CharField(source="actor_id", help_text="User id of the member of staff.")
    schedule = serializers.SerializerMethodField()

    @extend_schema_field(AppointmentOutputSerializer(allow_null=True))
    def get_schedule(self, record: CheckIn) -> object:
        appointment = self.context["appointments"].get(record.pk)
        return AppointmentOutputSerializer(appointment).data if appointment else None


class MemberOutputSerializer(AttendeeOutputSerializer):
    is_head_of_household = serializers.BooleanField()


class HouseholdOutputSerializer(serializers.Serializer[Household]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    identification_code = serializers.CharField()
    members = serializers.SerializerMethodField(help_text="Active members, the head first.")

    @extend_schema_field(MemberOutputSerializer(many=True))
    def get_members(self, household: Household) -> object:
        return MemberOutputSerializer(self.context["members"], many=True).data
