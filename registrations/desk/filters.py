"""Filters for the list of registrations. Events, days and slots live in public: filter by id."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from registrations.desk import common
from registrations.models import EventRegistration, Status
from registrations.queries import registrations, statuses
from schedules import display
from schedules.models import Event, EventSlot

Registrations = QuerySet[EventRegistration]


class WhenFilter(SimpleListFilter):
    title = "when"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("upcoming", "Today and later"), ("past", "Past")]

    def queryset(self, request: HttpRequest, queryset: Registrations) -> Registrations:
        if self.value() not in {"upcoming", "past"}:
            return queryset
        try:
            return registrations.at_time(queryset, str(self.value()), timezone.now())
        except common.DOWN:
            return queryset.none()


class StatusFilter(SimpleListFilter):
    """By the meaning of a status, however an installation spells it."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        names = [(status.value, status.label) for status in Status]
        return [*names, ("none", "None of these")]

    def queryset(self, request: HttpRequest, queryset: Registrations) -> Registrations:
        chosen = self.value()
        if chosen in Status.values:
            return queryset.filter(event_status__in=statuses.rows_meaning(Status(chosen)))
        if chosen == "none":
            known = statuses.rows_meaning(*Status)
            return queryset.filter(Q(event_status=None) | ~Q(event_status__in=known))
        return queryset


class _FormFilter(SimpleListFilter):
    """A filter with a small form, for values that are too many for a list of links."""

    template = "registrations/includes/filter.html"
    kind = "select"
    others: list[tuple[str, str]]
    clear: str

    def has_output(self) -> bool:
        # Django skips a filter without output, but a requested value must always apply.
        return super().has_output() or self.value() is not None

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        keep = {k: v for k, v in changelist.params.items() if k not in {self.parameter_name, "p"}}
        self.others = [(key, str(value)) for key, value in keep.items()]
        self.clear = changelist.get_query_string(remove=[str(self.parameter_name)])
        values = [None, *(value for value, _ in self.lookup_choices)]
        for choice, value in zip(super().choices(changelist), values, strict=True):
            yield {**choice, "value": value}


class EventFilter(_FormFilter):
    title = "event"
    parameter_name = "event_id"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        try:
            events = Event.objects.order_by("event_name", "pk").only("event_name")
            return [(str(event.pk), event.event_name) for event in events]
        except common.DOWN:
            return []

    def queryset(self, request: HttpRequest, queryset: Registrations) -> Registrations:
        return _with_id(queryset, "event_id", self.value())


class DayFilter(_FormFilter):
    title = "day"
    parameter_name = "day"
    kind = "date"

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return []

    def queryset(self, request: HttpRequest, queryset: Registrations) -> Registrations:
        if not self.value():
            return queryset
        day = _day(self.value())
        if day is None:
            raise IncorrectLookupParameters
        try:
            return registrations.on_days(queryset, day, day)
        except common.DOWN:
            return queryset.none()


class SlotFilter(_FormFilter):
    """The slots of the chosen day, or the one slot in a link."""

    title = "slot"
    parameter_name = "event_slot_id"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        slots = EventSlot.objects.with_schedule().order_by("start_time_key", "pk")
        if day := _day(request.GET.get("day")):
            slots = slots.on(day)
            if event_id := common.parse_id(request.GET.get("event_id")):
                slots = slots.filter(event_hour__event_date__event_id=event_id)
        elif chosen := common.parse_id(self.value()):
            slots = slots.filter(pk=chosen)
        else:
            return []
        try:
            return [(str(slot.pk), _slot_name(slot)) for slot in slots[:500]]
        except common.DOWN:
            return []

    def queryset(self, request: HttpRequest, queryset: Registrations) -> Registrations:
        return _with_id(queryset, "event_slot_id", self.value())


def _slot_name(slot: EventSlot) -> str:
    return f"{display.clock(slot.start_time)} {slot.event_hour.event_date.event.event_name}"


def _day(text: str | None) -> date | None:
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _with_id(queryset: Registrations, column: str, text: str | None) -> Registrations:
    if not text:
        return queryset
    if not common.parse_id(text):
        raise IncorrectLookupParameters
    return queryset.filter(**{column: common.parse_id(text)})
