"""The schedule reads. Nobody needs a token for what is published.

How many wait is known to the registrations only, which this app does not know: `urls` of the
project passes their query in.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from schedules.api.serializers import (
    EventDateFilters,
    EventFilters,
    Waitlisted,
    event_body,
    event_date_body,
    event_hour_body,
    event_slot_body,
)
from schedules.keys import date_key
from schedules.models import Event, EventDate, EventSlot


class ScheduleView(APIView):
    authentication_classes = ()
    permission_classes = ()
    pages: type[PageNumberPagination] = PageNumberPagination

    @staticmethod
    def waitlisted(event_date_ids: Iterable[int]) -> Waitlisted:
        return {}


class EventList(ScheduleView):
    def get(self, request: Request) -> Response:
        filters = _validated(EventFilters, request)
        now = timezone.now()
        days = _on_days(EventDate.objects.public(now), filters)
        events = Event.objects.filter(pk__in=days.values("event_id")).order_by("event_name", "pk")
        if text := filters.get("search"):
            events = events.filter(
                Q(event_name__icontains=text)
                | Q(event_nickname__icontains=text)
                | Q(city__icontains=text)
                | Q(zip=text[:5])
            )
        return self._page(request, events, event_body)

    def _page(self, request: Request, rows: Any, body: Callable[[Any], Any]) -> Response:
        pages = self.pages()
        page: list[Any] | None = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([body(row) for row in page or []])


class EventDetail(ScheduleView):
    def get(self, request: Request, event_id: int) -> Response:
        event = Event.objects.public(timezone.now()).filter(pk=event_id).first()
        if event is None:
            raise exceptions.NotFound("There is no such event.")
        return Response(event_body(event))


class EventDateList(ScheduleView):
    def get(self, request: Request) -> Response:
        filters = _validated(EventDateFilters, request)
        now = timezone.now()
        days = _on_days(EventDate.objects.public(now), filters)
        if filters["open"] is not None:
            is_open = Q(pk__in=EventDate.objects.open(now).values("pk"))
            days = days.filter(is_open if filters["open"] else ~is_open)
        if "event_id" in filters:
            days = days.filter(event_id=filters["event_id"])
        days = days.select_related("event").with_booking()
        pages = self.pages()
        page: list[Any] | None = pages.paginate_queryset(
            days.order_by("event_date_key", "start_time_key", "pk"), request, view=self
        )
        waitlisted = self.waitlisted([day.pk for day in page or []])
        return pages.get_paginated_response(
            [event_date_body(day, waitlisted, now) for day in page or []]
        )


class EventDateDetail(ScheduleView):
    def get(self, request: Request, event_date_id: int) -> Response:
        now = timezone.now()
        days = EventDate.objects.public(now).select_related("event").with_booking()
        day = days.filter(pk=event_date_id).first()
        if day is None:
            raise exceptions.NotFound("There is no such date.")
        waitlisted = self.waitlisted([day.pk])
        body = event_date_body(day, waitlisted, now)
        body["hours"] = [
            event_hour_body(hour, slots, waitlisted, now) for hour, slots in _hours_with_slots(day)
        ]
        return Response(body)


class EventSlotDetail(ScheduleView):
    def get(self, request: Request, event_slot_id: int) -> Response:
        now = timezone.now()
        slot = EventSlot.objects.public(now).with_schedule().filter(pk=event_slot_id).first()
        if slot is None:
            raise exceptions.NotFound("There is no such slot.")
        waitlisted = self.waitlisted([slot.event_hour.event_date_id])
        return Response(event_slot_body(slot, waitlisted, now))


def _validated(filters: type[Any], request: Request) -> dict[str, Any]:
    given = filters(data=request.query_params.dict())
    given.is_valid(raise_exception=True)
    return given.validated_data


def _on_days(days: Any, filters: dict[str, Any]) -> Any:
    if "date_from" in filters:
        days = days.filter(event_date_key__gte=date_key(filters["date_from"]))
    if "date_to" in filters:
        days = days.filter(event_date_key__lte=date_key(filters["date_to"]))
    return days


def _hours_with_slots(day: EventDate) -> list[tuple[Any, list[EventSlot]]]:
    """The active hours of a date in order, each with its active slots."""
    slots = EventSlot.objects.active().filter(event_hour__event_date_id=day.pk)
    hours: dict[int, tuple[Any, list[EventSlot]]] = {}
    for slot in slots.select_related("event_hour").order_by(
        "event_hour__start_time_key", "event_hour_id", "start_time_key", "pk"
    ):
        slot.event_hour.event_date = day
        hours.setdefault(slot.event_hour_id, (slot.event_hour, []))[1].append(slot)
    return list(hours.values())
