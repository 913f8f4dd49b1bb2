"""Registrations whose slot now lies on another date than they say."""

from collections.abc import Collection

from registrations.models import EventRegistration, Status
from registrations.queries import counts, statuses
from schedules.targets import Target


def slots(slot_ids: Collection[int]) -> dict[int, int]:
    """Those of these slots with registrations on another date, and the date of each. Two queries.

    A visit stays on the day on which it happened, so only who has not come counts, or who waits.
    """
    rows = EventRegistration.objects.filter(
        event_slot_id__in=slot_ids, event_date_id__isnull=False, **_to_come()
    )
    booked = rows.order_by().values_list("event_slot_id", "event_date_id").distinct()
    pairs = [(slot_id, date_id) for slot_id, date_id in booked if slot_id is not None]
    scheduled = counts.dates_of_slots({slot_id for slot_id, _ in pairs})
    return {
        slot_id: scheduled[slot_id]
        for slot_id, date_id in pairs
        if scheduled.get(slot_id, date_id) != date_id
    }


def at(slot_id: int, event_date_id: int) -> list[EventRegistration]:
    """The registrations of a slot that say another date than `event_date_id`, oldest first."""
    rows = EventRegistration.objects.at(Target.slot(slot_id)).filter(
        event_date_id__isnull=False, **_to_come()
    )
    elsewhere = rows.exclude(event_date_id=event_date_id).select_related("event_status")
    return list(elsewhere.order_by("pk"))


def _to_come() -> dict[str, object]:
    return {"event_status__in": statuses.rows_meaning(Status.CONFIRMED, Status.WAITLISTED)}
