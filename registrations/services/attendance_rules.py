"""On which day attendance can be recorded: not before the day itself, unless staff say why.

Only public knows the day, and keeps changing it, so private holds no copy. While public does not
answer, the gate stays open: a check-in goes on, and the trail says that the day was not checked.
"""

from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError

from registrations.errors import DayNotOver, DayUnknown, NotToday
from registrations.queries import occupancy
from registrations.queries.details import RegistrationDetails
from schedules import display
from schedules.keys import When


def check_day(
    shown: RegistrationDetails, *, now: datetime, reason: str, may_be_unknown: bool = True
) -> dict[str, Any]:
    """What the trail keeps about the day on which attendance is recorded.

    A day in the past is fine: paper rosters are entered late. With a `reason`, so is a day to come.
    Raises NotToday; and DayUnknown if public does not answer, unless the day `may_be_unknown`.
    """
    appointment = shown.appointment
    when = appointment.when(now) if appointment else None
    if appointment and when is When.TO_COME:
        if not reason.strip():
            day = display.day(appointment.date)
            raise NotToday(f"This registration is for {day}, which is still to come.")
        return {"overridden": NotToday.code, "override_reason": reason}
    if when is None and not shown.is_schedule_available and not may_be_unknown:
        if not reason.strip():
            raise DayUnknown
        return {"overridden": DayUnknown.code, "override_reason": reason}
    if when is When.TODAY:
        return {}
    return {"day": When.PAST if when else "unknown"}


def check_is_today(shown: RegistrationDetails, now: datetime) -> None:
    """Raises NotToday unless the appointment is today."""
    appointment = shown.appointment
    if appointment is None or appointment.when(now) is not When.TODAY:
        raise NotToday("That date is not today. Choose a time of today.")


def check_over(event_date_id: int, now: datetime, *, before_end: bool) -> None:
    """Whether a date can be closed out; `before_end` says that nobody is expected any more.

    Raises DayUnknown, NotToday, and DayNotOver before the last slot has ended.
    """
    try:
        day = occupancy.day(event_date_id)
    except (DatabaseError, InterfaceError) as error:
        raise DayUnknown from error
    when = day.event_date.when(now) if day else None
    if day is None or when is None:
        raise DayUnknown("PantryTrak no longer has this date, so it is not known when it was.")
    if when is When.TO_COME:
        raise NotToday("This day is still to come, so nobody can have missed it.")
    if when is When.TODAY and day.ends_at and day.ends_at > now and not before_end:
        ends_at = display.clock(f"{day.ends_at.astimezone(day.event_date.event.zone):%H:%M}")
        raise DayNotOver(f"The day is not over: it ends at {ends_at.rstrip('.')}.")
