"""PantryTrak's schedules in the admin: to look at, never to change."""

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.timezone import localtime

from schedules import display
from schedules.keys import ACTIVE
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


class ScheduleColumns:
    """Columns of dates, hours and slots, in words."""

    @admin.display(description="time")
    def time(self, row: EventDate | EventHour | EventSlot) -> str:
        return display.times(row.start_time, row.end_time)

    @admin.display(description="reserved")
    def taken(self, row: EventDate | EventSlot) -> str:
        return render_to_string(
            "schedules/fill.html", {"taken": row.reserved, "capacity": row.capacity}
        )

    @admin.display(boolean=True, description="in use")
    def in_use(self, row: EventDate | EventHour | EventSlot) -> bool:
        return row.status_id == ACTIVE


class EventAdmin(ReadOnlyAdmin):
    list_display: Columns = ("event_name", "city", "zip", "is_published")
    search_fields = ("event_name", "event_nickname", "city", "zip")
    ordering = ("event_name",)
    fields = (
        "event_name",
        "event_nickname",
        "address",
        "description",
        "time_zone",
        "is_published",
        "in_use",
    )
    readonly_fields = fields

    @admin.display(boolean=True, description="published")
    def is_published(self, event: Event) -> bool:
        return event.is_published

    @admin.display(boolean=True, description="in use")
    def in_use(self, event: Event) -> bool:
        return event.status_id == ACTIVE

    @admin.display(description="description")
    def description(self, event: Event) -> str:
        return event.pub_desc_long or ""


class HourInline(ScheduleColumns, ReadOnlyInline):
    model = EventHour
    fields = ("time", "capacity", "in_use")
    readonly_fields = ("time", "in_use")


class EventDateAdmin(ScheduleColumns, ReadOnlyAdmin):
    list_display: Columns = ("date", "event", "time", "taken", "takes_reservations")
    list_select_related = ("event",)
    search_fields = ("event__event_name", "=event_date_key")
    ordering = ("-event_date_key", "pk")
    inlines = (HourInline,)
    fields = (
        "event",
        "date",
        "time",
        "taken",
        "is_published",
        "takes_reservations",
        "takes_walk_ins",
        "booking_closes",
        "in_use",
    )
    readonly_fields = fields

    @admin.display(description="date", ordering="event_date_key")
    def date(self, day: EventDate) -> str:
        return display.day(day.date)

    @admin.display(boolean=True, description="published")
    def is_published(self, day: EventDate) -> bool:
        return day.status_publish == 1

    @admin.display(boolean=True, description="takes reservations")
    def takes_reservations(self, day: EventDate) -> bool:
        return day.accept_reservations == 1

    @admin.display(boolean=True, description="takes walk-ins")
    def takes_walk_ins(self, day: EventDate) -> bool:
        return day.accept_walkin == 1

    @admin.display(description="booking closes")
    def booking_closes(self, day: EventDate) -> str:
        closes = day.published_end_datetime
        return date_format(localtime(closes), "DATETIME_FORMAT") if closes else "no set time"


class SlotInline(ScheduleColumns, ReadOnlyInline):
    model = EventSlot
    fields = ("time", "taken", "in_use")
    readonly_fields = fields


class EventHourAdmin(ScheduleColumns, ReadOnlyAdmin):
    list_display = ("date", "event", "time", "capacity")
    list_select_related = ("event_date__event",)
    ordering = ("-event_date__event_date_key", "start_time_key", "pk")
    inlines = (SlotInline,)
    fields = ("event", "date", "time", "capacity", "in_use")
    readonly_fields = fields

    @admin.display(description="date", ordering="event_date__event_date_key")
    def date(self, hour: EventHour) -> str:
        return display.day(hour.event_date.date)

    @admin.display(description="event")
    def event(self, hour: EventHour) -> Event:
        return hour.event_date.event


class EventSlotAdmin(ScheduleColumns, ReadOnlyAdmin):
    list_display: Columns = ("date", "event", "time", "taken")
    list_select_related = ("event_hour__event_date__event",)
    search_fields = ("=event_slot_id", "event_hour__event_date__event__event_name")
    ordering = ("-event_hour__event_date__event_date_key", "start_time_key", "pk")
    fields = ("event", "date", "time", "taken", "in_use")
    readonly_fields = fields

    @admin.display(description="date", ordering="event_hour__event_date__event_date_key")
    def date(self, slot: EventSlot) -> str:
        return display.day(slot.event_hour.event_date.date)

    @admin.display(description="event")
    def event(self, slot: EventSlot) -> Event:
        return slot.event_hour.event_date.event
