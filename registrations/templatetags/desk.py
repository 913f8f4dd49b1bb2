"""What the desk's templates say in words: times of day, and the history of a registration."""

from collections.abc import Iterable

from django import template
from django.template import Context
from django.utils import timezone

from audit import wording
from audit.models import AuditEvent
from registrations.queries import details, vacancies
from registrations.queries.occupancy import Day, Hour, Occupancy
from schedules import display
from schedules.appointments import Appointment
from schedules.models import EventDate

register = template.Library()

register.filter("clock", display.clock)


@register.filter
def times(timed: Appointment | EventDate | Hour | Occupancy) -> str:
    """The start and end time: "9 a.m.–9:15 a.m."."""
    return display.times(timed.start_time, timed.end_time)


@register.filter
def is_today(day: Day | None) -> bool:
    return day is not None and vacancies.is_today(day, timezone.now())


@register.inclusion_tag("registrations/includes/vacancies.html", takes_context=True)
def who_waits(context: Context, day: Day | None) -> dict[str, object]:
    """Where somebody waits although a place can be given."""
    user = context["request"].user
    return {
        "vacancies": vacancies.of_day(day, timezone.now()) if day else [],
        "event_date_id": day and day.event_date.pk,
        "may_give": user.has_perm("registrations.give_place_eventregistration"),
    }


@register.inclusion_tag("registrations/includes/history.html")
def history(events: Iterable[tuple[AuditEvent, str]]) -> dict[str, object]:
    """The trail of a registration; each event comes with the name of who did it."""
    events = list(events)
    appointments = details.appointments_of(event for event, _ in events)
    return {
        "events": [
            {
                "at": event.at,
                "action": event.get_action_display(),
                "who": who,
                "appointment": appointments.get(event.pk),
                "counter": wording.counter_change(event),
            }
            for event, who in events
        ]
    }
