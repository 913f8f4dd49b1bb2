"""The trail and the check-ins in the admin, read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime

from audit import wording
from audit.models import AuditEvent, CheckIn

Rows = QuerySet[AuditEvent]


class KindFilter(admin.SimpleListFilter):
    """Fixed choices, because looking up the existing ones would read the whole trail."""

    title = "who"
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("participant", "Participants"), ("staff", "Staff"), ("system", "The system")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


class AppendOnlyAdmin(admin.ModelAdmin):
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description="when", ordering="at")
    def when(self, record: AuditEvent | CheckIn) -> str:
        return date_format(localtime(record.at), "DATETIME_FORMAT")

    @admin.display(description="what", ordering="action")
    def what(self, record: AuditEvent | CheckIn) -> str:
        return record.get_action_display()

    @admin.display(description="by", ordering="actor_kind")
    def by(self, record: AuditEvent | CheckIn) -> str:
        return wording.actor_kind(record)

    @admin.display(description="user number")
    def user_number(self, record: AuditEvent | CheckIn) -> str:
        return record.actor_id

    @admin.display(description="registration number")
    def registration_number(self, record: AuditEvent | CheckIn) -> int | None:
        return record.registration_id

    @admin.display(description="household number")
    def household_number(self, record: AuditEvent | CheckIn) -> int | None:
        return record.household_id

    @admin.display(description="slot or date")
    def place(self, record: AuditEvent | CheckIn) -> str:
        if record.event_slot_id is not None:
            return f"Slot number {record.event_slot_id}"
        return f"Date number {record.event_date_id}" if record.event_date_id is not None else ""


class AuditEventAdmin(AppendOnlyAdmin):
    list_display = (
        "when",
        "what",
        "registration_id",
        "by",
        "actor_id",
        "household_number",
        "place",
        "counter",
    )
    list_filter = ("at", "action", KindFilter)
    search_fields = ("=registration_id", "=household_id", "=actor_id", "=request_id")
    fields = (
        "when",
        "what",
        "registration_number",
        "by",
        "user_number",
        "household_number",
        "place",
        "counter",
        "notes",
        "request",
    )
    readonly_fields = fields

    @admin.display(description="counter")
    def counter(self, event: AuditEvent) -> str:
        return wording.counter_change(event)

    @admin.display(description="notes")
    def notes(self, event: AuditEvent) -> str:
        return wording.notes(event)

    @admin.display(description="request")
    def request(self, event: AuditEvent) -> str:
        return event.request_id


class CheckInAdmin(AppendOnlyAdmin):
    list_display = (
        "when",
        "what",
        "registration_id",
        "household_number",
        "place",
        "actor_id",
        "people",
    )
    list_filter = ("at", "action")
    search_fields = ("=registration_id", "=household_id", "=actor_id")
    fields = (
        "when",
        "what",
        "registration_number",
        "by",
        "user_number",
        "household_number",
        "place",
        "people",
    )
    readonly_fields = fields

    @admin.display(description="who came", ordering="attendee_count")
    def people(self, record: CheckIn) -> int:
        return record.attendee_count
