"""What the API answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import AuditEvent, CheckIn
from registrations.models import Household
from registrations.queries.details import RegistrationDetails


class AttendeeOutput(serializers.Serializer[Any]):
    household_member_id = serializers.IntegerField(source="pk")
    first_name = serializers.CharField()
    last_name = serializers.CharField()


class AppointmentOutput(serializers.Serializer[Any]):
    event_name = serializers.CharField()
    date = serializers.DateField(allow_null=True)
    start_time = serializers.CharField(allow_null=True, help_text='"09:30"; "24:00" may end a day')
    end_time = serializers.CharField(allow_null=True)


class RegistrationOutput(serializers.Serializer[RegistrationDetails]):
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
    attendees = AttendeeOutput(many=True)
    schedule = AppointmentOutput(
        source="appointment", allow_null=True, help_text="null when the schedule cannot be read"
    )
    created_at = serializers.DateTimeField(source="registration.created_at")
    updated_at = serializers.DateTimeField(source="registration.updated_at")
    cancelled_at = serializers.DateTimeField(source="registration.cancelled_at", allow_null=True)
    checked_in_at = serializers.DateTimeField(source="registration.checked_in_at", allow_null=True)

    def get_status(self, details: RegistrationDetails) -> str:
        registration = details.registration
        return str(registration.status or registration.event_status or "")


class HistoryOutput(serializers.Serializer[Any]):
    """One event of the trail."""

    at = serializers.DateTimeField()
    action = serializers.CharField()
    event_date_id = serializers.IntegerField(allow_null=True)
    event_slot_id = serializers.IntegerField(allow_null=True)
    details = serializers.JSONField(help_text="What belongs to the action: attendees, a reason.")
    actor = serializers.SerializerMethodField(help_text="Staff only; else null.")

    def get_actor(self, event: AuditEvent) -> str | None:
        if not self.context["is_staff"]:
            return None
        return f"{event.actor_kind} {event.actor_id}".strip()


class CheckInOutput(serializers.Serializer[Any]):
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

    @extend_schema_field(AppointmentOutput(allow_null=True))
    def get_schedule(self, record: CheckIn) -> Any:
        appointment = self.context["appointments"].get(record.pk)
        return AppointmentOutput(appointment).data if appointment else None


class MemberOutput(AttendeeOutput):
    is_head_of_household = serializers.BooleanField()


class HouseholdOutput(serializers.Serializer[Household]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    identification_code = serializers.CharField()
    members = serializers.SerializerMethodField(help_text="Active members, the head first.")

    @extend_schema_field(MemberOutput(many=True))
    def get_members(self, household: Household) -> Any:
        return MemberOutput(self.context["members"], many=True).data
