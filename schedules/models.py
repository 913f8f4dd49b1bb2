"""PantryTrak's schedules: events, their dates, the hours of a date, the slots of an hour.

Unmanaged: the tables belong to another system, have no foreign keys, and may point at rows that
no longer exist. Column names and types are the real ones. This module turns keys such as 20261201
and 930 into dates and times of day, so that nothing above it sees them. Only `schedules.counters`
locks or writes a row.
"""

from datetime import date, datetime, tzinfo
from functools import cached_property

from django.db import models

from schedules import display
from schedules.keys import ACTIVE, When, clock, date_key, parse_date_key, when, zone_of
from schedules.querysets import EventDateQuerySet, EventQuerySet, EventSlotQuerySet

NOT_PUBLISHED = "not_published"
EVENT_PAST = "event_past"
RESERVATIONS_NOT_ACCEPTED = "reservations_not_accepted"
REGISTRATION_CLOSED = "registration_closed"


class Event(models.Model):
    """A distribution: what it offers, who runs it and where."""

    event_id = models.PositiveIntegerField(primary_key=True)
    event_name = models.CharField(max_length=80, default="")
    event_nickname = models.CharField(max_length=40, default="")
    address1 = models.CharField(max_length=150, default="")
    address2 = models.CharField(max_length=150, default="")
    city = models.CharField(max_length=60, default="")
    state = models.CharField(max_length=60, default="")
    zip = models.CharField(max_length=5, default="")
    pub_desc_long = models.TextField(null=True)
    time_zone = models.CharField(max_length=100, default="")
    utc_offset = models.DecimalField(max_digits=4, decimal_places=2, default=0)
    status_publish_event = models.SmallIntegerField(default=1)
    status_publish_event_dates = models.PositiveSmallIntegerField(default=1)
    status_id = models.PositiveSmallIntegerField(default=ACTIVE)

    objects = EventQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "events"

    def __str__(self) -> str:
        return self.event_name

    @property
    def zone(self) -> tzinfo:
        """The time zone of this event's days and times."""
        return zone_of(self.time_zone, float(self.utc_offset))

    @property
    def address(self) -> str:
        """On one line, for a map or a calendar."""
        parts = (self.address1, self.address2, self.city, f"{self.state} {self.zip}".strip())
        return ", ".join(part for part in parts if part)

    @property
    def is_published(self) -> bool:
        """Whether dates of this event can be public at all."""
        return (
            self.status_id == ACTIVE
            and self.status_publish_event == 1
            and self.status_publish_event_dates == 1
        )


class EventDate(models.Model):
    """One day of an event. Without active slots, households book the date itself ("date-only")."""

    event_date_id = models.PositiveIntegerField(primary_key=True)
    event = models.ForeignKey(
        Event, models.DO_NOTHING, db_constraint=False, db_column="event_id", related_name="dates"
    )
    event_date_key = models.PositiveIntegerField()
    capacity = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)
    start_time_key = models.PositiveIntegerField(default=0)
    end_time_key = models.PositiveIntegerField(default=0)
    status_publish = models.PositiveSmallIntegerField(default=1)
    accept_walkin = models.PositiveSmallIntegerField(default=0)
    accept_reservations = models.PositiveSmallIntegerField(default=1)
    accept_interest = models.PositiveSmallIntegerField(default=0)
    published_date_key = models.PositiveIntegerField(default=0)
    published_end_datetime = models.DateTimeField(null=True)  # UTC, as PantryTrak writes it
    # Written by the public server's clock, in that server's zone. We compare it unchanged (Django
    # labels it UTC but never converts it): it is the marker of schedules.counters.
    last_update = models.DateTimeField(null=True)
    status_id = models.PositiveIntegerField(default=ACTIVE)

    objects = EventDateQuerySet.as_manager()

    has_slots: bool  # booked by slot; only on rows from `with_booking`

    class Meta:
        managed = False
        db_table = "event_dates"

    def __str__(self) -> str:
        return display.day(self.date)

    @cached_property
    def date(self) -> date | None:
        """The day, in the event's time zone."""
        return parse_date_key(self.event_date_key)

    @property
    def start_time(self) -> str | None:
        return clock(self.start_time_key)

    @property
    def end_time(self) -> str | None:
        return clock(self.end_time_key)

    def closed_reason(self, now: datetime) -> str | None:
        """Why this date takes no bookings at `now` (an error code), or None if it is open."""
        today = date_key(now.astimezone(self.event.zone))
        if not (
            self.event.is_published
            and self.status_id == ACTIVE
            and self.status_publish == 1
            and self.published_date_key <= today
        ):
            return NOT_PUBLISHED
        if self.event_date_key < today:
            return EVENT_PAST
        if self.accept_reservations != 1:
            return RESERVATIONS_NOT_ACCEPTED
        if self.published_end_datetime is not None and now > self.published_end_datetime:
            return REGISTRATION_CLOSED
        return None

    def when(self, now: datetime) -> When | None:
        """Where the day lies, seen from today in the event's time zone."""
        return when(self.date, self.event.zone, now)

    def is_public(self, now: datetime) -> bool:
        """Whether anybody may see this date at `now`."""
        return self.closed_reason(now) not in {NOT_PUBLISHED, EVENT_PAST}


class EventHour(models.Model):
    """Part of a date that holds slots. Its `reserved` is not ours to maintain."""

    event_hour_id = models.PositiveIntegerField(primary_key=True)
    event_date = models.ForeignKey(
        EventDate,
        models.DO_NOTHING,
        db_constraint=False,
        db_column="event_date_id",
        related_name="hours",
    )
    capacity = models.IntegerField(default=0)
    start_time_key = models.PositiveIntegerField(default=0)
    end_time_key = models.IntegerField(default=0)
    status_id = models.PositiveIntegerField(default=ACTIVE)

    class Meta:
        managed = False
        db_table = "event_hours"

    def __str__(self) -> str:
        return display.times(self.start_time, self.end_time)

    @property
    def start_time(self) -> str | None:
        return clock(self.start_time_key)

    @property
    def end_time(self) -> str | None:
        return clock(self.end_time_key)


class EventSlot(models.Model):
    """The appointment that a household books."""

    event_slot_id = models.PositiveIntegerField(primary_key=True)
    event_hour = models.ForeignKey(
        EventHour,
        models.DO_NOTHING,
        db_constraint=False,
        db_column="event_hour_id",
        related_name="slots",
    )
    capacity = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)
    start_time_key = models.PositiveIntegerField(default=0)
    end_time_key = models.IntegerField(default=0)
    last_update = models.DateTimeField(null=True)  # as on EventDate
    status_id = models.PositiveIntegerField(default=ACTIVE)

    objects = EventSlotQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "event_slots"

    def __str__(self) -> str:
        return display.times(self.start_time, self.end_time)

    @property
    def start_time(self) -> str | None:
        return clock(self.start_time_key)

    @property
    def end_time(self) -> str | None:
        return clock(self.end_time_key)

    def closed_reason(self, now: datetime) -> str | None:
        """Why this slot takes no bookings at `now` (an error code), or None if it is open."""
        if self.status_id != ACTIVE or self.event_hour.status_id != ACTIVE:
            return NOT_PUBLISHED
        return self.event_hour.event_date.closed_reason(now)
