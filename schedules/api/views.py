"""The schedule reads. Nobody needs a token for what is published.

How many wait is known to the registrations only, which this app does not know: `urls` of the
API passes their query in. Each answer carries an ETag, and costs a 304 when nothing changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from schedules.api.pagination import Pages, page_of
from schedules.api.serializers import (
    DateOutput,
    DateWithHoursOutput,
    EventDateFilters,
    EventFilters,
    EventOutput,
    SlotOutput,
    Waitlisted,
)
from schedules.models import Event, EventDate, EventSlot


class ScheduleView(APIView):
    authentication_classes = ()
    permission_classes = ()

    @staticmethod
    def waitlisted(event_date_ids: Iterable[int]) -> Waitlisted:
        return {}

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "public, no-cache")  # keep, but ask again
        return response

    def context(self, event_date_ids: Iterable[int], now: datetime) -> dict[str, Any]:
        return {"now": now, "waitlisted": self.waitlisted(list(event_date_ids))}


class EventList(ScheduleView):
    @extend_schema(
        operation_id="events_list", summary="List events", parameters=[EventFilters],
        responses=page_of(EventOutput),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Events that have public dates (between `date_from` and `date_to`)."""
        filters = _validated(EventFilters, request)
        days = EventDate.objects.public(timezone.now())
        days = days.between(filters.get("date_from"), filters.get("date_to"))
        events = Event.objects.filter(pk__in=days.values("event_id")).order_by("event_name", "pk")
        if text := filters.get("search"):
            events = events.filter(
                Q(event_name__icontains=text)
                | Q(event_nickname__icontains=text)
                | Q(city__icontains=text)
                | Q(zip=text[:5])
            )
        pages = Pages()
        page: Any = pages.paginate_queryset(events, request, view=self)
        return pages.get_paginated_response(EventOutput(page, many=True).data)


class EventDetail(ScheduleView):
    @extend_schema(operation_id="events_read", summary="Read an event", responses=EventOutput)
    def get(self, request: Request, event_id: int) -> Response:
        """An event that has public dates."""
        event = Event.objects.public(timezone.now()).filter(pk=event_id).first()
        if event is None:
            raise exceptions.NotFound("There is no such event.")
        return Response(EventOutput(event).data)


class EventDateList(ScheduleView):
    @extend_schema(
        operation_id="event_dates_list", summary="List dates", parameters=[EventDateFilters],
        responses=page_of(DateOutput),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Public dates, soonest first."""
        filters = _validated(EventDateFilters, request)
        now = timezone.now()
        days = EventDate.objects.public(now)
        days = days.between(filters.get("date_from"), filters.get("date_to"))
        if "open" in filters:
            is_open = Q(pk__in=EventDate.objects.open(now).values("pk"))
            days = days.filter(is_open if filters["open"] == "true" else ~is_open)
        if "event_id" in filters:
            days = days.filter(event_id=filters["event_id"])
        days = days.select_related("event").with_booking()
        days = days.order_by("event_date_key", "start_time_key", "pk")
        pages = Pages()
        page: Any = pages.paginate_queryset(days, request, view=self)
        context = self.context([day.pk for day in page], now)
        return pages.get_paginated_response(DateOutput(page, many=True, context=context).data)


class EventDateDetail(ScheduleView):
    @extend_schema(
        operation_id="event_dates_read", summary="Read a date with its hours and slots",
        responses=DateWithHoursOutput,
    )  # fmt: skip
    def get(self, request: Request, event_date_id: int) -> Response:
        """A public date. `booking` says whether a slot or the date itself is booked."""
        now = timezone.now()
        days = EventDate.objects.public(now).select_related("event").with_booking()
        day = days.filter(pk=event_date_id).first()
        if day is None:
            raise exceptions.NotFound("There is no such date.")
        context = {**self.context([day.pk], now), **_hours_and_slots(day)}
        return Response(DateWithHoursOutput(day, context=context).data)


class EventSlotDetail(ScheduleView):
    @extend_schema(operation_id="event_slots_read", summary="Read a slot", responses=SlotOutput)
    def get(self, request: Request, event_slot_id: int) -> Response:
        """A slot of a public date."""
        now = timezone.now()
        slot = EventSlot.objects.public(now).with_schedule().filter(pk=event_slot_id).first()
        if slot is None:
            raise exceptions.NotFound("There is no such slot.")
        context = self.context([slot.event_hour.event_date_id], now)
        return Response(SlotOutput(slot, context=context).data)


def _validated(filters: type[Any], request: Request) -> dict[str, Any]:
    given = filters(data=request.query_params.dict())
    given.is_valid(raise_exception=True)
    return given.validated_data


def _hours_and_slots(day: EventDate) -> dict[str, Any]:
    """The active hours of a date in order, and the active slots of each, in one query."""
    slots = EventSlot.objects.active().filter(event_hour__event_date_id=day.pk)
    in_order = slots.select_related("event_hour").order_by(
        "event_hour__start_time_key", "event_hour_id", "start_time_key", "pk"
    )
    hours: dict[int, Any] = {}
    of_hour: dict[int, list[EventSlot]] = defaultdict(list)
    for slot in in_order:
        slot.event_hour.event_date = day
        hours.setdefault(slot.event_hour_id, slot.event_hour)
        of_hour[slot.event_hour_id].append(slot)
    return {"hours": list(hours.values()), "slots_of_hour": of_hour}
