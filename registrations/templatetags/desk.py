"""What the desk's templates say in words: times of day, and the history of a registration."""

from collections.abc import Iterable

from django import template

from audit import wording
from audit.models import AuditEvent
from registrations.queries import details
from registrations.queries.details import RegistrationDetails
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
def who(shown: RegistrationDetails) -> str:
    """Tells two households of one name apart: "Nguyen, Anna · 4", with how many are registered."""
    household = str(shown.registration.household or "No household")
    if not shown.attendees:
        return household
    heads = [member for member in shown.attendees if member.is_head_of_household]
    return f"{household}, {[*heads, *shown.attendees][0].first_name} · {len(shown.attendees)}"


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
