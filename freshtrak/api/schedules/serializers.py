"""Schedules as the API shows them, and what may be asked of the lists.

Context: `now`, and `waitlisted`, how many wait at each (date, slot); slot None is the date itself.
"""

import datetime
from collections.abc import Mapping

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from freshtrak.api.serializers import MAX_PUBLIC_ID
from schedules.models import Event, EventDate, EventHour, EventSlot

Waitlisted = Mapping[tuple[int, int | None], int]


class EventFilterSerializer(serializers.Serializer):
    date_from = serializers.DateField(required=False)
    date_to = serializers.DateField(required=False)
    search = serializers.CharField(
        required=False, max_length=100, allow_blank=True, help_text="In name, city or zip."
    )


class EventDateFilterSerializer(serializers.Serializer):
    date_from = serializers.DateField(required=False)
    date_to = serializers.DateField(required=False)
    event_id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PUBLIC_ID)
    open = serializers.ChoiceField(
        ["true", "false"], required=False, help_text="Whether it takes bookings now."
    )


class AddressOutputSerializer(serializers.Serializer[Event]):
    line1 = serializers.CharField(source="address1")
    line2 = serializers.CharField(source="address2")
    city = serializers.CharField()
    state = serializers.CharField()
    zip = serializers.CharField()


class EventOutputSerializer(serializers.Serializer[Event]):
    event_id = serializers.IntegerField()
    name = serializers.CharField(source="event_name")
    nickname = serializers.CharField(source="event_nickname")
    description = serializers.SerializerMethodField()
    address = AddressOutputSerializer(source="*")
    time_zone = serializers.SerializerMethodField(help_text="Of all dates and times of the event.")

    def get_description(self, event: Event) -> str:
        return event.pub_desc_long or ""

    def get_time_zone(self, event: Event) -> str:
        return str(event.zone)


class OfferOutputSerializer(serializers.Serializer):
    """What dates and slots have in common."""

    date = serializers.SerializerMethodField()
    start_time = serializers.CharField(allow_null=True, help_text='"09:30"')
    end_time = serializers.CharField(allow_null=True, help_text='"24:00" may end a day')
    capacity = serializers.IntegerField()
    reserved = serializers.IntegerField()
    available = serializers.SerializerMethodField(help_text="Never below 0.")
    waitlisted = serializers.SerializerMethodField(help_text="How many wait.")
    open = serializers.SerializerMethodField(help_text="Whether it takes bookings now.")
    closed_reason = serializers.SerializerMethodField(help_text="An error code; null when open.")

    def get_date(self, row: EventDate | EventSlot) -> datetime.date | None:
        return self.day_of(row).date

    def get_available(self, row: EventDate | EventSlot) -> int:
        return max(0, row.capacity - row.reserved)

    def get_open(self, row: EventDate | EventSlot) -> bool:
        return self.get_closed_reason(row) is None

    def get_closed_reason(self, row: EventDate | EventSlot) -> str | None:
        return row.closed_reason(self.context["now"])

    def day_of(self, row: EventDate | EventSlot) -> EventDate:
        return row if isinstance(row, EventDate) else row.event_hour.event_date


class SlotOutputSerializer(OfferOutputSerializer):
    """A slot; its hour, date and event must be loaded."""

    event_slot_id = serializers.IntegerField()
    event_hour_id = serializers.IntegerField()
    event_date_id = serializers.IntegerField(source="event_hour.event_date_id")
    event_id = serializers.IntegerField(source="event_hour.event_date.event_id")

    def get_waitlisted(self, slot: EventSlot) -> int:
        return self.context["waitlisted"].get((slot.event_hour.event_date_id, slot.pk), 0)


class DateOutputSerializer(OfferOutputSerializer):
    """A date, without its hours; it must carry `has_slots`."""

    event_date_id = serializers.IntegerField()
    event_id = serializers.IntegerField()
    booking = serializers.SerializerMethodField(help_text='"slot", or "date": booked as a whole')
    event = EventOutputSerializer()

    def get_booking(self, day: EventDate) -> str:
        return "slot" if day.has_slots else "date"

    def get_waitlisted(self, day: EventDate) -> int:
        counts = self.context["waitlisted"].items()
        return sum(count for (date_id, _), count in counts if date_id == day.pk)


class HourOutputSerializer(serializers.Serializer[EventHour]):
    event_hour_id = serializers.IntegerField()
    start_time = serializers.CharField(allow_null=True)
    end_time = serializers.CharField(allow_null=True)
    slots = serializers.SerializerMethodField()

    @extend_schema_field(SlotOutputSerializer(many=True))
    def get_slots(self, hour: EventHour) -> object:
        slots = self.context["slots_of_hour"][hour.pk]
        return SlotOutputSerializer(slots, many=True, context=self.context).data


class DateWithHoursOutputSerializer(DateOutputSerializer):
    """A date with its active hours and slots, in order."""

    hours = serializers.SerializerMethodField()

    @extend_schema_field(HourOutputSerializer(many=True))
    def get_hours(self, day: EventDate) -> object:
        return HourOutputSerializer(self.context["hours"], many=True, context=self.context).data
