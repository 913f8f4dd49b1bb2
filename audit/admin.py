"""The trail and the check-ins in the admin, read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.models import AuditEvent

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


class AuditEventAdmin(AppendOnlyAdmin):
    list_display = (
        "at",
        "action",
        "registration_id",
        "actor_kind",
        "actor_id",
        "household_id",
        "event_date_id",
        "event_slot_id",
        "delta",
    )
    list_filter = ("at", "action", KindFilter)
    search_fields = ("=registration_id", "=household_id", "=actor_id", "=request_id")


class CheckInAdmin(AppendOnlyAdmin):
    list_display = (
        "at",
        "action",
        "registration_id",
        "household_id",
        "event_date_id",
        "event_slot_id",
        "actor_id",
        "attendee_count",
    )
    list_filter = ("at", "action")
    search_fields = ("=registration_id", "=household_id", "=actor_id")
