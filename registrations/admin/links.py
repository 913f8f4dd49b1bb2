"""What lies below registrations, schedules and the trail, with the way to registrations.

Their own apps know nothing of ours and show them without; here they are registered once more.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from audit.admin import AuditEventAdmin, CheckInAdmin
from audit.models import AuditEvent, CheckIn
from registrations import confirmation_codes
from registrations.admin import desk
from schedules.admin import EventAdmin, EventDateAdmin, EventSlotAdmin
from schedules.models import Event, EventDate, EventSlot


def _link(text: str, **filters: Any) -> str:
    there = reverse("admin:registrations_eventregistration_changelist")
    return format_html('<a href="{}?{}">{}</a>', there, urlencode(filters), text)


class LinkedEventAdmin(EventAdmin):
    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "registrations")

    @admin.display(description="registrations")
    def registrations(self, event: Event) -> str:
        return _link("Show", event_id=event.pk)


class LinkedDateAdmin(EventDateAdmin):
    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "registrations")

    @admin.display(description="registrations")
    def registrations(self, day: EventDate) -> str:
        there = reverse("admin:registrations_day", args=[day.pk])
        return format_html('<a href="{}">Day view</a>', there)


class LinkedSlotAdmin(EventSlotAdmin):
    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "registrations")

    @admin.display(description="registrations")
    def registrations(self, slot: EventSlot) -> str:
        return _link("Show", event_slot_id=slot.pk)


class _NamedPage(ChangeList):
    """A page of the trail, with the names of the staff on it read at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        names = desk.names_of(row.actor_id for row in self.result_list)
        for row in self.result_list:
            row.actor_name = names.get(row.actor_id, row.actor_id)


class _LinkedTrail(admin.ModelAdmin):
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _NamedPage

    search_help_text = "Confirmation code, user name of a member of staff, or an id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        text = search_term.strip()
        staff = get_user_model().objects.filter(username=text).first()
        if registration_id := confirmation_codes.decode(text):
            found |= queryset.filter(registration_id=registration_id)
        if staff is not None:
            found |= queryset.filter(actor_kind="staff", actor_id=str(staff.pk))
        return found, duplicates

    def get_list_display(self, request: HttpRequest) -> Any:
        ours = {"registration_id": "registration", "actor_id": "who"}
        return [ours.get(str(column), column) for column in super().get_list_display(request)]

    @admin.display(description="registration")
    def registration(self, row: AuditEvent | CheckIn) -> str | None:
        if row.registration_id is None:  # a fact about a target
            return None
        there = reverse("admin:registrations_eventregistration_change", args=[row.registration_id])
        code = confirmation_codes.encode(row.registration_id)
        return format_html('<a href="{}">{}</a>', there, code)

    @admin.display(description="who")
    def who(self, row: Any) -> str:
        return row.actor_name if row.actor_kind == "staff" else row.actor_id


class LinkedAuditEventAdmin(_LinkedTrail, AuditEventAdmin):
    pass


class LinkedCheckInAdmin(_LinkedTrail, CheckInAdmin):
    pass


for model, shown in {
    Event: LinkedEventAdmin,
    EventDate: LinkedDateAdmin,
    EventSlot: LinkedSlotAdmin,
    AuditEvent: LinkedAuditEventAdmin,
    CheckIn: LinkedCheckInAdmin,
}.items():
    admin.site.unregister(model)
    admin.site.register(model, shown)
