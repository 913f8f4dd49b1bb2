"""The lists of registrations, households and statuses in the admin.

Their pages and actions are in registrations/desk/.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from registrations.desk import (
    common,
    enrol,
    filters,
    household_page,
    register,
    registration_page,
    related,  # noqa: F401 (registers schedules and trail)
)
from registrations.desk.actions import STAFF_ACTIONS
from registrations.models import EventRegistration, EventStatus, Household
from registrations.queries import details, names, registrations
from registrations.queries.details import RegistrationDetails
from schedules import display
from schedules.admin import ReadOnlyAdmin


class RegistrationList(ChangeList):
    """A page of registrations. Reads waitlist position and appointment for all of them at once.

    Columns are methods of the page because the admin passes a column only its row.
    """

    def __init__(
        self,
        request: HttpRequest,
        model: type[EventRegistration],
        list_display: Sequence[str],
        list_display_links: Sequence[str],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.details: dict[int, RegistrationDetails] = {}
        self.names: dict[str, str] = {}
        columns: list[Any] = [
            *[name for name in list_display if name == "action_checkbox"],
            self.code,
            "household",
            self.event,
            self.day,
            self.time,
            self.state,
            self.queue,
            self.people,
        ]
        super().__init__(request, model, columns, [self.code], *args, **kwargs)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        shown = details.read(self.result_list)
        self.details = {entry.registration.pk: entry for entry in shown}
        self.names = common.names_of_check_ins(shown)
        if not all(entry.is_schedule_available for entry in shown):
            messages.warning(request, common.SCHEDULES_DOWN)

    @admin.display(description="code", ordering="pk")
    def code(self, registration: EventRegistration) -> str:
        return registration.confirmation_code

    @admin.display(description="event")
    def event(self, registration: EventRegistration) -> str:
        appointment = self.details[registration.pk].appointment
        return appointment.event_name if appointment else ""

    @admin.display(description="day")
    def day(self, registration: EventRegistration) -> str:
        appointment = self.details[registration.pk].appointment
        day = appointment.date if appointment else None
        return f"{day:%a %b} {day.day}, {day.year}" if day else ""

    @admin.display(description="time")
    def time(self, registration: EventRegistration) -> str:
        appointment = self.details[registration.pk].appointment
        return display.clock(appointment.start_time) if appointment else ""

    @admin.display(description="status", ordering="event_status")
    def state(self, registration: EventRegistration) -> SafeString:
        shown = self.details[registration.pk]
        context = {"row": registration, "shown": shown, "names": self.names}
        return render_to_string("registrations/includes/state.html", context)

    @admin.display(description="waitlist")
    def queue(self, registration: EventRegistration) -> str:
        return str(self.details[registration.pk].waitlist_position or "")

    @admin.display(description="attendees")
    def people(self, registration: EventRegistration) -> str:
        return ", ".join(member.first_name for member in self.details[registration.pk].attendees)


@admin.register(EventRegistration)
class EventRegistrationAdmin(ReadOnlyAdmin):
    list_display = ("pk", "household")  # RegistrationList replaces these
    list_filter = (
        filters.WhenFilter,
        filters.StatusFilter,
        filters.DayFilter,
        filters.SlotFilter,
        filters.EventFilter,
    )
    search_fields = ("pk",)
    search_help_text = (
        "Confirmation code, name of a household or a member (one wrong letter is fine), "
        "identification code"
    )
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # counting per event and slot would be too slow
    change_list_template = "registrations/change_list.html"

    class Media:
        css = {"all": ("registrations/desk.css",)}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Registrations", **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventRegistration]:
        return registrations.registrations().select_related("event_status", "household")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return RegistrationList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[EventRegistration], search_term: str
    ) -> tuple[QuerySet[EventRegistration], bool]:
        return registrations.find_similar(queryset, search_term), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only the desk's actions that the user is permitted to take."""
        return {
            action.name: (
                lambda model_admin, request, rows, run=action.run: run(request, rows),
                action.name,
                action.label,
            )
            for action in STAFF_ACTIONS
            if common.has_permission(request, action.permission)
        }

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return common.has_permission(request, "add")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: object = None
    ) -> HttpResponse:
        return register.add(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: object = None,
    ) -> HttpResponse:
        common.check_permission(request, "view")
        if request.method == "POST":
            raise PermissionDenied
        registration = self.get_object(request, object_id)
        if registration is None:
            messages.error(request, "There is no such registration.")
            return redirect("admin:registrations_eventregistration_changelist")
        return registration_page.show(request, registration)


@admin.register(Household)
class HouseholdAdmin(ReadOnlyAdmin):
    """Searched by name. Its pages are in registrations/desk/."""

    list_display = ("name", "identification_code", "deleted_on")
    search_fields = ("name",)
    search_help_text = (
        "Name of a household or a member (one wrong letter is fine), identification code"
    )
    ordering = ("name", "pk")
    show_full_result_count = False

    class Media:
        css = {"all": ("registrations/desk.css",)}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Household], search_term: str
    ) -> tuple[QuerySet[Household], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        exact = names.matches(text)
        matching = queryset.filter(exact | names.matches_fuzzily(text))
        return matching.order_by(Case(When(exact, then=0), default=1), "name", "pk"), False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return common.has_permission(request, "enrol", "household")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: object = None
    ) -> HttpResponse:
        return enrol.new(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: object = None,
    ) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied
        common.check_permission(request, "view", "household")
        household = self.get_object(request, object_id)
        if household is None:
            messages.error(request, "There is no such household.")
            return redirect("admin:registrations_household_changelist")
        return household_page.show(request, household)


@admin.register(EventStatus)
class EventStatusAdmin(ReadOnlyAdmin):
    list_display = ("pk", "name")
