"""The way to today's roster while PantryTrak's schedules are down.

freshtrak_private knows no days. But the session keeps the days of the coming week as they were
when somebody last opened a page of the desk, and each check-in names its date.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from audit.models import CheckIn
from registrations.desk import common
from registrations.queries import occupancy
from schedules import display

KEY = "days_seen"
AHEAD = timedelta(days=7)
"""How far the session knows the days to come."""


@dataclass(frozen=True)
class Seen:
    event_date_id: int
    day: date
    label: str
    """Its event and times."""


def remember(request: HttpRequest) -> None:
    """Keeps the days of the coming week in the session. Reads them once a day."""
    today = timezone.localdate()
    if request.session.get(KEY, {}).get("on") == today.isoformat():
        return
    try:
        days = occupancy.between(today, today + AHEAD)
    except common.DOWN:
        return
    seen = [
        (
            day.event_date.pk,
            day.event_date.date.isoformat(),
            f"{day.event_date.event.event_name}, "
            f"{display.times(day.event_date.start_time, day.event_date.end_time)}",
        )
        for day in days
        if day.event_date.date is not None
    ]
    request.session[KEY] = {"on": today.isoformat(), "days": seen}


def on(request: HttpRequest, chosen: date) -> list[tuple[int, str]]:
    """Dates on a day, with what is known of them: from the session, and from today's check-ins."""
    known = {seen.event_date_id: seen.label for seen in _seen(request) if seen.day == chosen}
    if chosen == timezone.localdate():
        for pk, count in _checked_in_since(datetime.combine(chosen, time())):
            plural = "" if count == 1 else "s"
            known.setdefault(pk, f"A distribution with {count} check-in{plural} today")
    return list(known.items())


def find(request: HttpRequest, event_date_id: int) -> Seen | None:
    """What the session knows of a date."""
    return next((seen for seen in _seen(request) if seen.event_date_id == event_date_id), None)


def _seen(request: HttpRequest) -> list[Seen]:
    days = request.session.get(KEY, {}).get("days", [])
    return [Seen(pk, date.fromisoformat(day), label) for pk, day, label in days]


def _checked_in_since(midnight: datetime) -> list[tuple[int, int]]:
    today = CheckIn.objects.filter(
        at__gte=timezone.make_aware(midnight), action=CheckIn.Action.CHECK_IN
    )
    counts = today.values_list("event_date_id").annotate(count=Count("pk"))
    return [(pk, count) for pk, count in counts.order_by("event_date_id") if pk is not None]
