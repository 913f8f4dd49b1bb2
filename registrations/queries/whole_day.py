"""A date with all its slots, and who is registered there."""

from collections.abc import Collection

from django.db.models import QuerySet

from registrations.models import Delay, EventRegistration, Status
from registrations.queries import registrations, statuses
from schedules.models import EventSlot
from schedules.targets import Target


def slots(event_date_id: int) -> list[EventSlot]:
    """All slots of a date, in use or not, the earliest first."""
    on_date = EventSlot.objects.filter(event_hour__event_date_id=event_date_id)
    in_order = on_date.select_related("event_hour")
    return list(in_order.order_by("start_time_key", "event_hour_id", "pk"))


def movable_at(slot_ids: Collection[int]) -> list[EventRegistration]:
    """Those at these slots who have a place and have not come, and those who wait."""
    rows = _movable().filter(event_slot_id__in=slot_ids)
    return list(rows.select_related("event_status", "household"))


def movable_on(event_date_id: int) -> QuerySet[EventRegistration]:
    """Those of a date who have a place and have not come, and those who wait."""
    return _movable().filter(event_date_id=event_date_id)


def movable_targets(event_date_id: int) -> list[Target]:
    """Where on a date somebody has a place and has not come, or waits."""
    rows = movable_on(event_date_id).order_by().values_list("event_slot_id", flat=True).distinct()
    return sorted(Target.of(event_slot_id=slot_id, event_date_id=event_date_id) for slot_id in rows)


def without_slot(event_date_id: int) -> QuerySet[EventRegistration]:
    """Those who registered for the whole date, and have not come."""
    return registrations.registrations().filter(
        pk__in=movable_on(event_date_id).filter(event_slot_id=None).values("pk")
    )


def latest_delay(event_date_id: int) -> Delay | None:
    return Delay.objects.filter(event_date_id=event_date_id).order_by("-number").first()


def _movable() -> QuerySet[EventRegistration]:
    movable = statuses.rows_meaning(Status.CONFIRMED, Status.WAITLISTED)
    return EventRegistration.objects.filter(event_status__in=movable)
