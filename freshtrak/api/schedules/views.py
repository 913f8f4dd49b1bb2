"""Reading the schedules. Nobody needs a token for what is published.

Each answer carries an ETag, and costs a 304 when nothing changed.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from freshtrak.api.pagination import page_of, paginated
from freshtrak.api.schedules.plain import render_date
from freshtrak.api.schedules.serializers import (
    DateOutputSerializer,
    DateWithHoursOutputSerializer,
    EventDateFilterSerializer,
    EventFilterSerializer,
    EventOutputSerializer,
    SlotOutputSerializer,
)
from freshtrak.api.serializers import MAX_PUBLIC_ID, validated
from freshtrak.databases import from_replica
from registrations.queries import targets
from schedules import timetable
from schedules.models import Event, EventDate, EventSlot


class ScheduleViewSet(ViewSet):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    lookup_value_converter = "int"

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "public, no-cache")  # keep, but ask again
        return response


class EventViewSet(ScheduleViewSet):
    lookup_url_kwarg = "event_id"

    @extend_schema(
        operation_id="events_list",
        summary="List events",
        parameters=[EventFilterSerializer],
        responses=page_of(EventOutputSerializer),
    )
    @from_replica
    def list(self, request: Request) -> Response:
        """Events that have public dates (between `date_from` and `date_to`)."""
        filters = validated(EventFilterSerializer, request.query_params.dict())
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
        return paginated(request, events, lambda page: EventOutputSerializer(page, many=True).data)

    @extend_schema(
        operation_id="events_read", summary="Read an event", responses=EventOutputSerializer
    )
    @from_replica
    def retrieve(self, request: Request, event_id: int) -> Response:
        """An event that has public dates."""
        event = Event.objects.public(timezone.now()).filter(pk=event_id).first()
        if event is None:
            raise exceptions.NotFound("There is no such event.")
        return Response(EventOutputSerializer(event).data)


class EventDateViewSet(ScheduleViewSet):
    lookup_url_kwarg = "event_date_id"

    @extend_schema(
        operation_id="event_dates_list",
        summary="List dates",
        parameters=[EventDateFilterSerializer],
        responses=page_of(DateOutputSerializer),
    )
    @from_replica
    def list(self, request: Request) -> Response:
        """Public dates, soonest first."""
        filters = validated(EventDateFilterSerializer, request.query_params.dict())
        now = timezone.now()
        days = EventDate.objects.public(now)
        days = days.between(filters.get("date_from"), filters.get("date_to"))
        if "open" in filters:
            is_open = Q(pk__in=EventDate.objects.open(now).values("pk"))
            days = days.filter(is_open if filters["open"] == "true" else ~is_open)
        if "event_id" in filters:
            days = days.filter(event_id=filters["event_id"])
        days = days.select_related("event").with_booking()
        return paginated(
            request,
            days.order_by("event_date_key", "start_time_key", "pk"),
            lambda page: (
                DateOutputSerializer(
                    page, many=True, context=_context([day.pk for day in page], now)
                ).data
            ),
        )

    @extend_schema(
        operation_id="event_dates_read",
        summary="Read a date with its hours and slots",
        responses=DateWithHoursOutputSerializer,
    )
    @from_replica
    def retrieve(self, request: Request, event_date_id: int) -> Response:
        """A public date. `booking` says whether a slot or the date itself is booked."""
        now = timezone.now()
        found = timetable.read(event_date_id) if event_date_id <= MAX_PUBLIC_ID else None
        if found is None or not found[0].is_public(now):
            raise exceptions.NotFound("There is no such date.")
        day, hours = found
        waiting = targets.waiting_on(day.pk)
        return Response(
            render_date(day, hours, waiting=waiting, closed_reason=day.closed_reason(now))
        )


class EventSlotViewSet(ScheduleViewSet):
    lookup_url_kwarg = "event_slot_id"

    @extend_schema(
        operation_id="event_slots_read", summary="Read a slot", responses=SlotOutputSerializer
    )
    @from_replica
    def retrieve(self, request: Request, event_slot_id: int) -> Response:
        """A slot of a public date."""
        now = timezone.now()
        slot = EventSlot.objects.public(now).with_schedule().filter(pk=event_slot_id).first()
        if slot is None:
            raise exceptions.NotFound("There is no such slot.")
        context = _context([slot.event_hour.event_date_id], now)
        return Response(SlotOutputSerializer(slot, context=context).data)


def _context(event_date_ids: Iterable[int], now: datetime) -> dict[str, object]:
    return {"now": now, "waitlisted": targets.waitlisted(event_date_ids)}
