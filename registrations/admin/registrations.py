"""The list of registrations, the page of one, and the way to all that is done to them."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path

from audit.models import AuditEvent
from registrations.admin import bookings, day, deeds, desk, exports, filters, moving, planning
from registrations.models import EventRegistration, EventStatus, Status
from registrations.queries import details, registrations
from schedules.admin import ReadOnlyAdmin

Rows = QuerySet[EventRegistration]


class _Page(ChangeList):
    """A page of registrations, with queue and appointment read for the page at once."""

    is_schedule_available = True

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        for shown in details.read(self.result_list):
            # The admin hands a column its row and nothing else.
            shown.registration.details = shown  # type: ignore[attr-defined]
            if not shown.is_schedule_available:
                self.is_schedule_available = False
        if not self.is_schedule_available:
            messages.warning(request, desk.SCHEDULES_DOWN)


@admin.register(EventRegistration)
class EventRegistrationAdmin(ReadOnlyAdmin):
    list_display = (
        "code", "household", "event", "day", "time", "state", "queue", "people",
    )  # fmt: skip
    list_filter = (
        filters.WhenFilter, filters.StatusFilter, filters.DayFilter, filters.SlotFilter,
        filters.EventFilter,
    )  # fmt: skip
    search_fields = ("pk",)
    search_help_text = (
        "Confirmation code, name of a household or a member (a letter may be wrong), "
        "identification code"
    )
    list_per_page = 50
    actions = ("check_in", "undo_check_in", "mark_no_show", "move", "promote", "cancel")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each event and slot would take as long
    change_list_template = "registrations/change_list.html"

    class Media:
        css = {"all": ("registrations/desk.css",)}

    # Reading ---------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Registrations", **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> Rows:
        return registrations.registrations().select_related("event_status", "household")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _Page

    def get_search_results(
        self, request: HttpRequest, queryset: Rows, search_term: str
    ) -> tuple[Rows, bool]:
        return registrations.find_similar(queryset, search_term), False

    @admin.display(description="code", ordering="pk")
    def code(self, row: EventRegistration) -> str:
        return row.confirmation_code

    @admin.display(description="event")
    def event(self, row: Any) -> str | None:
        appointment = row.details.appointment
        return appointment.event_name if appointment else None

    @admin.display(description="day")
    def day(self, row: Any) -> Any:
        appointment = row.details.appointment
        day = appointment.date if appointment else None
        return f"{day:%a %b} {day.day}, {day.year}" if day else None

    @admin.display(description="time")
    def time(self, row: Any) -> str | None:
        appointment = row.details.appointment
        return appointment.start_time if appointment else None

    @admin.display(description="status", ordering="event_status")
    def state(self, row: EventRegistration) -> str:
        return render_to_string("registrations/includes/state.html", {"row": row})

    @admin.display(description="queue")
    def queue(self, row: Any) -> int | None:
        position: int | None = row.details.waitlist_position
        return position

    @admin.display(description="attendees")
    def people(self, row: Any) -> str:
        return ", ".join(member.first_name for member in row.details.attendees)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One registration: what it is, what can be done to it, what happened to it."""
        desk.require(request, "view")
        if request.method == "POST":
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            messages.error(request, "There is no such registration.")
            return redirect("admin:registrations_eventregistration_changelist")
        (shown,) = details.read([row])
        if not shown.is_schedule_available:
            messages.warning(request, desk.SCHEDULES_DOWN)
        history = list(AuditEvent.objects.filter(registration_id=row.pk).order_by("pk"))
        names = desk.names_of(event.actor_id for event in history)
        return desk.page(
            request,
            "registration.html",
            f"{row.household or 'No household'}: {row.confirmation_code}",
            row=row,
            details=shown,
            offered=_offered(request, row),
            may_edit=desk.may(request, "change") and row.status in moving.MOVABLE,
            history=[(event, _who(event, names)) for event in history],
            changelist="admin:registrations_eventregistration_changelist",
        )

    # Doing: each action goes through its service, after a page that says what it will do. ---

    @admin.action(description="Check in", permissions=["attend"])
    def check_in(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return deeds.confirm_or_do(request, rows, deeds.CHECK_IN)

    @admin.action(description="Undo check-in", permissions=["attend"])
    def undo_check_in(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return deeds.confirm_or_do(request, rows, deeds.UNDO)

    @admin.action(description="Mark as no-show", permissions=["attend"])
    def mark_no_show(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return deeds.confirm_or_do(request, rows, deeds.NO_SHOW)

    @admin.action(description="Move to another slot", permissions=["move"])
    def move(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return moving.move(request, rows)

    @admin.action(description="Let the waitlist move up", permissions=["promote"])
    def promote(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return deeds.promote(request, rows)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return deeds.confirm_or_do(request, rows, deeds.CANCEL)

    def has_attend_permission(self, request: HttpRequest) -> bool:
        return desk.may(request, "attend")

    def has_move_permission(self, request: HttpRequest) -> bool:
        return desk.may(request, "move")

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return desk.may(request, "promote")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return desk.may(request, "cancel")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return desk.may(request, "add")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return bookings.add(request)

    # Pages beside the list ---------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"registrations_{name}")

        return [
            page("days/", day.index, "days"),
            page("days/<int:event_date_id>/", day.show, "day"),
            page("days/<int:event_date_id>/counters/", day.counters, "counters"),
            page("days/<int:event_date_id>/check-in/", day.check_in, "check_in"),
            page("days/<int:event_date_id>/undo/", day.undo, "undo"),
            page("days/<int:event_date_id>/walk-in/", bookings.walk_in, "walk_in"),
            page("days/<int:event_date_id>/close-out/", day.close_out, "close_out"),
            page("days/<int:event_date_id>/roster/", day.roster, "roster"),
            page("planning/", planning.show, "planning"),
            page("export/<str:kind>/", self.export_view, "export"),
            page("<int:registration_id>/attendees/", self.attendees_view, "attendees"),
            *super().get_urls(),
        ]

    def attendees_view(self, request: HttpRequest, registration_id: int) -> HttpResponse:
        row = self.get_object(request, str(registration_id))
        if row is None:
            messages.error(request, "There is no such registration.")
            return redirect("admin:registrations_eventregistration_changelist")
        return bookings.edit_attendees(request, row)

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """What the list shows with the filters of this address, as a file."""
        desk.require(request, "export")
        if kind not in exports.TYPES:
            raise Http404
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            messages.error(request, "The address names a filter that cannot be read.")
            return redirect("admin:registrations_eventregistration_changelist")
        if rows.count() > exports.MOST:
            messages.error(request, f"More than {exports.MOST:,} rows: filter the list first.")
            return redirect("admin:registrations_eventregistration_changelist")
        return exports.as_file(rows, kind)


def _offered(request: HttpRequest, row: EventRegistration) -> list[tuple[str, str]]:
    """Name and title of the actions that this registration's status and the user's rights allow."""
    offers = [
        ("check_in", "Check in", "attend", deeds.CHECK_IN.allowed),
        ("undo_check_in", "Undo check-in", "attend", deeds.UNDO.allowed),
        ("mark_no_show", "Mark as no-show", "attend", deeds.NO_SHOW.allowed),
        ("promote", "Let the waitlist move up", "promote", {Status.WAITLISTED}),
        ("move", "Move to another slot", "move", moving.MOVABLE),
        ("cancel", "Cancel", "cancel", deeds.CANCEL.allowed),
    ]
    return [
        (name, title)
        for name, title, right, allowed in offers
        if row.status in allowed and desk.may(request, right)
    ]


def _who(event: AuditEvent, names: Mapping[str, str]) -> str:
    if event.actor_kind != "staff":
        return event.actor_kind
    return names.get(event.actor_id, f"staff {event.actor_id}")


@admin.register(EventStatus)
class EventStatusAdmin(ReadOnlyAdmin):
    list_display = ("pk", "name")
