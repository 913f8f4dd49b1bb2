"""Registrations and households in the admin, to look at and to search."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from registrations import deeds
from registrations.models import EventRegistration, EventStatus, Household, HouseholdMember
from registrations.queries import listing
from schedules.admin import ReadOnlyAdmin, ReadOnlyInline


class _Page(ChangeList):
    """A page of registrations, with queue and appointment read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        listing.show(self.result_list)


@admin.register(EventRegistration)
class EventRegistrationAdmin(ReadOnlyAdmin):
    list_display = (
        "confirmation_code", "household", "event", "day", "time", "event_status", "queue",
        "attendees",
    )  # fmt: skip
    list_filter = ("event_status",)
    search_fields = ("pk",)
    search_help_text = "Confirmation code, name of a household or member, identification code"
    list_per_page = 50
    actions = ("check_in", "undo_check_in", "mark_no_show", "cancel")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[EventRegistration]":
        return listing.registrations().select_related("event_status", "household")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _Page

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[EventRegistration]", search_term: str
    ) -> tuple["QuerySet[EventRegistration]", bool]:
        return listing.find(queryset, search_term, names=True), False

    @admin.display(description="event")
    def event(self, row: EventRegistration) -> str | None:
        return row.appointment.event_name if row.appointment else None

    @admin.display(description="day")
    def day(self, row: EventRegistration) -> Any:
        return row.appointment.date if row.appointment else None

    @admin.display(description="time")
    def time(self, row: EventRegistration) -> str | None:
        return row.appointment.start_time if row.appointment else None

    @admin.display(description="queue")
    def queue(self, row: EventRegistration) -> int | None:
        return row.waitlist_position

    @admin.display(description="attendees")
    def attendees(self, row: EventRegistration) -> int:
        return len(row.attending)

    # Each deed goes through its service, after a page that says what it will do.

    @admin.action(description="Check in", permissions=["attend"])
    def check_in(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        return deeds.confirm_or_do(self, request, rows, deeds.CHECK_IN)

    @admin.action(description="Undo check-in", permissions=["attend"])
    def undo_check_in(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        return deeds.confirm_or_do(self, request, rows, deeds.UNDO)

    @admin.action(description="Mark as no-show", permissions=["attend"])
    def mark_no_show(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        return deeds.confirm_or_do(self, request, rows, deeds.NO_SHOW)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        return deeds.confirm_or_do(self, request, rows, deeds.CANCEL)

    def has_attend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.attend_eventregistration")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.cancel_eventregistration")


class MemberInline(ReadOnlyInline):
    model = HouseholdMember
    fields = ("first_name", "last_name", "date_of_birth", "is_head_of_household", "is_active")


@admin.register(Household)
class HouseholdAdmin(ReadOnlyAdmin):
    list_display = ("name", "identification_code", "deleted_on")
    search_fields = (
        "name", "identification_code", "members__first_name", "members__last_name",
    )  # fmt: skip
    ordering = ("name", "pk")
    inlines = (MemberInline,)
    show_full_result_count = False


@admin.register(EventStatus)
class EventStatusAdmin(ReadOnlyAdmin):
    list_display = ("pk", "name")
