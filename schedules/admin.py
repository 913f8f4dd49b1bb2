"""PantryTrak's schedules in the admin, read-only."""

import datetime
from collections.abc import Callable

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string

from schedules.models import Event, EventDate, EventHour, EventSlot

Columns = tuple[str | Callable[..., str | bool], ...]
"""Fields and methods by name, and functions of a row."""


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows that belong to another system."""

    class Media:
        css = {"all": ("schedules/fill.css",)}

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.display(description="taken")
def taken(row: EventDate | EventSlot) -> str:
    return render_to_string(
        "schedules/fill.html", {"taken": row.reserved, "capacity": row.capacity}
    )


class EventAdmin(ReadOnlyAdmin):
    list_display: Columns = ("event_name", "city", "zip", "is_published")
    search_fields = ("event_name", "event_nickname", "city", "zip")
    ordering = ("event_name",)

    @admin.display(boolean=True, description="published")
    def is_published(self, event: Event) -> bool:
        return event.is_published


class HourInline(ReadOnlyInline):
    model = EventHour
    fields = ("event_hour_id", "start_time", "end_time", "capacity", "status_id")
    readonly_fields = ("start_time", "end_time")


class EventDateAdmin(ReadOnlyAdmin):
    list_display: Columns = ("date", "event", "start_time", "end_time", taken, "accepts")
    list_select_related = ("event",)
    search_fields = ("event__event_name", "=event_date_key")
    ordering = ("-event_date_key", "pk")
    inlines = (HourInline,)

    @admin.display(description="date", ordering="event_date_key")
    def date(self, day: EventDate) -> datetime.date | None:
        return day.date

    @admin.display(boolean=True, description="takes reservations")
    def accepts(self, day: EventDate) -> bool:
        return day.accept_reservations == 1


class SlotInline(ReadOnlyInline):
    model = EventSlot
    fields = ("event_slot_id", "start_time", "end_time", "taken", "status_id")
    readonly_fields = ("start_time", "end_time", "taken")

    @admin.display(description="taken")
    def taken(self, slot: EventSlot) -> str:
        return taken(slot)


class EventHourAdmin(ReadOnlyAdmin):
    list_display = ("event_hour_id", "date", "start_time", "end_time", "capacity")
    list_select_related = ("event_date__event",)
    ordering = ("-event_date__event_date_key", "start_time_key", "pk")
    inlines = (SlotInline,)

    @admin.display(description="date")
    def date(self, hour: EventHour) -> str:
        return f"{hour.event_date.date}, {hour.event_date.event}"


class EventSlotAdmin(ReadOnlyAdmin):
    list_display: Columns = ("event_slot_id", "date", "start_time", "end_time", taken)
    list_select_related = ("event_hour__event_date__event",)
    search_fields = ("=event_slot_id", "event_hour__event_date__event__event_name")
    ordering = ("-event_hour__event_date__event_date_key", "start_time_key", "pk")

    @admin.display(description="date")
    def date(self, slot: EventSlot) -> str:
        day = slot.event_hour.event_date
        return f"{day.date}, {day.event}"
