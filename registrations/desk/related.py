"""Schedules and the trail in the admin, with links to their registrations.

Their own apps do not know registrations, so this module registers them.
"""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from audit import trail
from audit.admin import AppendOnlyAdmin, AuditEventAdmin, CheckInAdmin
from audit.models import AuditEvent, CheckIn
from registrations import confirmation_codes
from registrations.desk import common
from registrations.desk.confirmation import LIST
from registrations.models import Household
from registrations.queries import details
from schedules.admin import Columns, EventAdmin, EventDateAdmin, EventHourAdmin, EventSlotAdmin
from schedules.models import Event, EventDate, EventHour, EventSlot


def _link_to_list(**filters: int) -> str:
    return format_html('<a href="{}?{}">Show</a>', reverse(LIST), urlencode(filters))


@admin.register(Event)
class LinkedEventAdmin(EventAdmin):
    list_display = (*EventAdmin.list_display, "registrations")

    @admin.display(description="registrations")
    def registrations(self, event: Event) -> str:
        return _link_to_list(event_id=event.pk)


@admin.register(EventDate)
class LinkedDateAdmin(EventDateAdmin):
    list_display = (*EventDateAdmin.list_display, "registrations")

    @admin.display(description="registrations")
    def registrations(self, day: EventDate) -> str:
        url = reverse("admin:registrations_day", args=[day.pk])
        return format_html('<a href="{}">Day view</a>', url)


admin.site.register(EventHour, EventHourAdmin)


@admin.register(EventSlot)
class LinkedSlotAdmin(EventSlotAdmin):
    list_display = (*EventSlotAdmin.list_display, "registrations")

    @admin.display(description="registrations")
    def registrations(self, slot: EventSlot) -> str:
        return _link_to_list(event_slot_id=slot.pk)


class TrailList(ChangeList):
    """A page of the trail. Reads staff, households and appointments of all its rows at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        records = self.result_list = list(self.result_list)
        self.names = common.names_of(record.actor_id for record in records)
        self.households = Household.objects.in_bulk({record.household_id for record in records})
        self.appointments = details.appointments_of(records)
        columns = {"actor_id": self.who, "household_number": self.household, "place": self.where}
        self.list_display = [columns.get(str(column), column) for column in self.list_display]

    @admin.display(description="household")
    def household(self, record: AuditEvent | CheckIn) -> str:
        return str(self.households.get(record.household_id or 0, ""))

    @admin.display(description="where")
    def where(self, record: AuditEvent | CheckIn) -> str:
        if record.event_date_id is None and record.event_slot_id is None:  # about a household
            return ""
        appointment = self.appointments.get(record.pk)
        return common.describe(appointment) if appointment else "not in the schedules now"

    @admin.display(description="who")
    def who(self, record: AuditEvent | CheckIn) -> str:
        is_staff = record.actor_kind == trail.STAFF
        return self.names.get(record.actor_id, record.actor_id) if is_staff else record.actor_id


class LinkedTrailAdmin(AppendOnlyAdmin):
    search_help_text = "Confirmation code, staff user name, or a number"

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return TrailList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        matching, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        text = search_term.strip()
        staff = get_user_model().objects.filter(username=text).first()
        if registration_id := confirmation_codes.decode(text):
            matching |= queryset.filter(registration_id=registration_id)
        if staff is not None:
            matching |= queryset.filter(actor_kind=trail.STAFF, actor_id=str(staff.pk))
        return matching, may_have_duplicates

    def get_list_display(self, request: HttpRequest) -> Columns:
        columns = super().get_list_display(request)
        return tuple("registration" if name == "registration_id" else name for name in columns)

    @admin.display(description="registration")
    def registration(self, record: AuditEvent | CheckIn) -> str | None:
        if record.registration_id is None:  # an event about a target
            return None
        url = reverse("admin:registrations_eventregistration_change", args=[record.registration_id])
        code = confirmation_codes.encode(record.registration_id)
        return format_html('<a href="{}">{}</a>', url, code)


@admin.register(AuditEvent)
class LinkedAuditEventAdmin(LinkedTrailAdmin, AuditEventAdmin):
    pass


@admin.register(CheckIn)
class LinkedCheckInAdmin(LinkedTrailAdmin, CheckInAdmin):
    pass
