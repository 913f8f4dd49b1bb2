"""What the public can see and what households can book, as query conditions.

*Public* and *open* mean the same as `closed_reason` on the models; the tests compare the two.
"Today" is the day in each event's time zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from schedules.keys import ACTIVE, date_key, zone_of

if TYPE_CHECKING:
    from schedules.models import Event, EventDate, EventSlot


def _published(event: str) -> Q:
    return Q(
        **{
            f"{event}status_id": ACTIVE,
            f"{event}status_publish_event": 1,
            f"{event}status_publish_event_dates": 1,
        }
    )


def _today(now: datetime, days: Callable[[int], Q]) -> Q:
    """The condition `days`, applied with each event's own today.

    One small query finds the zones in use. Zones where it is already tomorrow, or still yesterday,
    get a condition of their own.
    """
    from schedules.models import Event

    our_today = date_key(now.astimezone(timezone.get_default_timezone()))
    elsewhere: dict[int, list[Q]] = defaultdict(list)
    for time_zone, offset in Event.objects.values_list("time_zone", "utc_offset").distinct():
        today = date_key(now.astimezone(zone_of(time_zone, float(offset))))
        if today != our_today:
            elsewhere[today].append(Q(event__time_zone=time_zone, event__utc_offset=offset))
    condition = days(our_today)
    for today, zones in elsewhere.items():
        in_zones = _any(zones)
        condition = (condition & ~in_zones) | (days(today) & in_zones)
    return condition


def _any(conditions: Iterable[Q]) -> Q:
    result = Q()
    for condition in conditions:
        result |= condition
    return result


class EventQuerySet(models.QuerySet["Event"]):
    def public(self, now: datetime) -> EventQuerySet:
        """Events with at least one public date."""
        from schedules.models import EventDate

        dates = EventDate.objects.public(now).filter(event_id=OuterRef("pk"))
        return self.filter(_published(""), Exists(dates))


class EventDateQuerySet(models.QuerySet["EventDate"]):
    def public(self, now: datetime) -> EventDateQuerySet:
        """Dates that anyone can see at `now`. Runs one query itself, for the zones in use."""
        return self.filter(
            _published("event__"),
            _today(now, lambda day: Q(published_date_key__lte=day, event_date_key__gte=day)),
            status_id=ACTIVE,
            status_publish=1,
        )

    def open(self, now: datetime) -> EventDateQuerySet:
        """Public dates that take bookings at `now`."""
        return self.public(now).filter(
            Q(published_end_datetime=None) | Q(published_end_datetime__gte=now),
            accept_reservations=1,
        )

    def upcoming(self, now: datetime) -> EventDateQuerySet:
        """Dates from today on, public or not."""
        return self.filter(_today(now, lambda day: Q(event_date_key__gte=day)))

    def between(self, first: date | None, last: date | None) -> EventDateQuerySet:
        """Dates from `first` to `last`, both included; None means no limit."""
        days = self.all()
        if first is not None:
            days = days.filter(event_date_key__gte=date_key(first))
        if last is not None:
            days = days.filter(event_date_key__lte=date_key(last))
        return days

    def with_booking(self) -> EventDateQuerySet:
        """Adds `has_slots`: booked by slot (True) or as a whole (False)."""
        from schedules.models import EventSlot

        slots = EventSlot.objects.active().filter(event_hour__event_date_id=OuterRef("pk"))
        return self.annotate(has_slots=Exists(slots))


class EventSlotQuerySet(models.QuerySet["EventSlot"]):
    def active(self) -> EventSlotQuerySet:
        """Slots that are in use, in an hour that is in use."""
        return self.filter(status_id=ACTIVE, event_hour__status_id=ACTIVE)

    def with_schedule(self) -> EventSlotQuerySet:
        """Joins hour, date and event. Drops slots whose hour or date is gone."""
        return self.select_related("event_hour__event_date__event")

    def on(self, day: date) -> EventSlotQuerySet:
        """Slots of all dates on this day."""
        return self.filter(event_hour__event_date__event_date_key=date_key(day))

    def public(self, now: datetime) -> EventSlotQuerySet:
        """Active slots of public dates."""
        from schedules.models import EventDate

        dates = EventDate.objects.public(now).filter(pk=OuterRef("event_hour__event_date_id"))
        return (
            self.active()
            .filter(Exists(dates))
            .annotate(event_date_id=F("event_hour__event_date_id"))
        )
