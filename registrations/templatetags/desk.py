"""What the desk's templates say in words: times of day, and the history of a registration."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django import template
from django.template import Context
from django.utils import dateformat, timezone

from audit import wording
from audit.models import AuditEvent
from registrations.desk import common
from registrations.queries import details, households, vacancies
from registrations.queries.details import RegistrationDetails
from registrations.queries.occupancy import Day, Hour, Occupancy
from schedules import display
from schedules.appointments import Appointment
from schedules.keys import When
from schedules.models import EventDate

register = template.Library()

NAMES_ATTENDEES = {
    AuditEvent.Action.REGISTERED,
    AuditEvent.Action.WAITLISTED,
    AuditEvent.Action.ATTENDEES_CHANGED,
}

register.filter("clock", display.clock)


@register.filter
def times(timed: Appointment | EventDate | Hour | Occupancy) -> str:
    """The start and end time: "9 a.m.–9:15 a.m."."""
    return display.times(timed.start_time, timed.end_time)


@register.filter
def actor(names: Mapping[str, str], actor_id: str) -> str:
    """The name of who did it, from the names that the page has read."""
    return common.name_in(names or {}, actor_id)


@register.filter
def at_time(moment: datetime) -> str:
    """When somebody was checked in: "at 5:10 p.m."; with the day, unless it is today."""
    local = timezone.localtime(moment)
    at = dateformat.format(local, "P")
    is_today = local.date() == timezone.localdate()
    return f"at {at}" if is_today else f"on {display.day(local.date())} at {at}"


@register.filter
def how_many_came(shown: RegistrationDetails) -> str:
    """As in "2 of 4 came"; only "came" where that is not recorded."""
    if shown.check_in is None:
        return "came"
    came = shown.check_in.attendee_count
    return f"{came} of {max(came, len(shown.attendees))} came"


@register.filter
def is_today(day: Day | None) -> bool:
    return day is not None and day.event_date.when(timezone.now()) is When.TODAY


@register.inclusion_tag("registrations/includes/vacancies.html", takes_context=True)
def who_waits(context: Context, day: Day | None) -> dict[str, object]:
    """Where somebody waits although a place can be given."""
    user = context["request"].user
    return {
        "vacancies": vacancies.of_day(day, timezone.now()) if day else [],
        "event_date_id": day and day.event_date.pk,
        "may_give": user.has_perm("registrations.give_place_eventregistration"),
    }


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
    people = households.names_of_members(
        member_id for event, _ in events for member_id in event.details.get("attendees", ())
    )
    return {
        "events": [
            {
                "at": event.at,
                "action": event.get_action_display(),
                "notes": wording.notes(event, people=people, expected=expected),
                "who": who,
                "appointment": appointments.get(event.pk),
                "counter": wording.counter_change(event),
            }
            for event, who, expected in _with_expected(events)
        ]
    }


def _with_expected(
    events: Iterable[tuple[AuditEvent, str]],
) -> Iterator[tuple[AuditEvent, str, int | None]]:
    """Each event, and how many attendees were registered then, as far as the trail knows."""
    expected = None
    for event, who in events:
        if event.action in NAMES_ATTENDEES:
            expected = len(event.details.get("attendees", ()))
        yield event, who, expected
