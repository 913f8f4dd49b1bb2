"""Where somebody waits although a place can be given."""

from dataclasses import dataclass
from datetime import datetime

from registrations.models import Status
from registrations.queries.occupancy import Day, Occupancy
from schedules.keys import date_key


@dataclass(frozen=True)
class Vacancy:
    """A slot, or a date without slots, where somebody waits, and what could be given to them."""

    at: Occupancy
    elsewhere: int
    """Free places at the other slots of the day."""

    @property
    def absent(self) -> int:
        """No-shows that still hold a place here."""
        return self.at.by_status[Status.NO_SHOW]


def is_today(day: Day, now: datetime) -> bool:
    """Whether places are given at the gate: only on the day itself, where the event is."""
    return day.event_date.date == now.astimezone(day.event_date.event.zone).date()


def of_day(day: Day, now: datetime) -> list[Vacancy]:
    """In order of time; none once the day is over. From what is read already: no query."""
    if day.event_date.event_date_key < date_key(now.astimezone(day.event_date.event.zone)):
        return []
    free = sum(each.free for each in day.targets)
    waited_at = [Vacancy(each, free - each.free) for each in day.targets if each.waiting]
    return [each for each in waited_at if each.at.free or each.absent or each.elsewhere]
