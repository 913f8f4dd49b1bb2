"""What the desk's templates say in words: times of day, and the history of a registration."""

from collections.abc import Iterable, Mapping

from django import template

from audit import wording
from audit.models import AuditEvent
from registrations.desk import common
from registrations.queries import details
from registrations.queries.occupancy import Hour, Occupancy
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
def actor(names: Mapping[str, str], actor_id: str) -> str:
    """The name of who did it, from the names that the page has read."""
    return common.name_in(names, actor_id)


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
