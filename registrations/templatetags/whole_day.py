"""For the day page: who registered for the whole date before it had slots."""

from django import template

from registrations.queries import whole_day

register = template.Library()


@register.simple_tag
def without_slot(event_date_id: int) -> int:
    """How many of a date have a place or wait, but have no slot."""
    return whole_day.movable_on(event_date_id).filter(event_slot_id=None).count()
