"""Where somebody waits although a place can be given."""

from dataclasses import dataclass
from datetime import datetime

from registrations.models import Status
from registrations.queries.occupancy import Day, Occupancy
from schedules.keys import When


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


def of_day(day: Day, now: datetime) -> list[Vacancy]:
    """In order of time; none once the day is over. From what is read already: no query."""
    if day.event_date.when(now) is When.PAST:
        return []
    free = sum(each.free for each in day.targets)
    waited_at = [Vacancy(each, free - each.free) for each in day.targets if each.waiting]
    return [each for each in waited_at if each.at.free or each.absent or each.elsewhere]
