"""Who was served: counted from the households that came, member by member.

A registration that is checked in is a visit. Who came with it says the last check-in record; where
there is none (an adopted row), its attendees. A visit belongs to the day of its distribution.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.dateformat import format as format_date

from audit.models import CheckIn
from registrations.models import (
    UNKNOWN_BIRTH_DATE,
    EventRegistration,
    EventRegistrationMember,
    HouseholdMember,
    HouseholdProfile,
    Status,
)
from registrations.queries import statuses
from schedules import display
from schedules.keys import parse_date_key
from schedules.models import EventDate

BANDS = ("0–17", "18–59", "60 and older", "age unknown")
"""Ages in years, on the day of the visit."""
UNKNOWN = "unknown"
"""Instead of a ZIP."""

OLDEST = 120
"""Years: a greater age is a mistake, and counts as unknown."""


class Distribution(NamedTuple):
    day: date
    event_id: int
    event_name: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A household that came to a distribution."""

    distribution: Distribution
    household: int
    """Its id; for a registration without a household, the negative id of the registration."""
    zip: str
    people: tuple[int, ...]
    """How many came in each of the BANDS."""
    is_first_this_year: bool
    is_walk_in: bool


@dataclass(frozen=True, slots=True)
class NoShow:
    distribution: Distribution
    zip: str


@dataclass(frozen=True)
class Service:
    """What happened at the distributions of a period."""

    visits: Sequence[Visit]
    no_shows: Sequence[NoShow]


class _Row(NamedTuple):
    id: int
    household_id: int | None
    event_date_id: int
    event_status_id: int
    created_at: datetime

    @property
    def household(self) -> int:
        return self.household_id or -self.id


class _CheckedIn(NamedTuple):
    """What the check-in records say of one registration."""

    first_at: datetime
    member_ids: Sequence[int]


def read(first: date, last: date, *, event_id: int | None = None) -> Service:
    """The service from `first` to `last`, both included, of one event or of all.

    A first visit is the household's first of that calendar year, at whatever event. Seven queries,
    however many visits. Raises OperationalError while freshtrak_public does not answer.
    """
    # From New Year, because only then is it known whose visit is the first of the year.
    from_new_year = _distributions(first.replace(month=1, day=1), last)
    distributions = {pk: at for pk, at in from_new_year.items() if at.day >= first}
    meaning = {
        row.pk: row.status for row in statuses.rows_meaning(Status.CHECKED_IN, Status.NO_SHOW)
    }
    rows = _rows(distributions, meaning)
    wanted = {pk for pk, at in distributions.items() if event_id in (None, at.event_id)}
    came = [row for row in rows if meaning[row.event_status_id] is Status.CHECKED_IN]
    came_ids = [pk for pk, status in meaning.items() if status is Status.CHECKED_IN]
    earlier = _households(from_new_year.keys() - distributions.keys(), came_ids)
    first_visits = _first_visits(came, distributions, {(first.year, pk) for pk in earlier})
    both = EventRegistration.objects.filter(event_date_id__in=wanted, event_status__in=meaning)
    checked_in = both.filter(event_status__in=came_ids)
    zips = zips_of(both)
    births = _births(checked_in)
    records = _records(checked_in)
    attendees = _attendees(checked_in)

    def visit(row: _Row) -> Visit:
        distribution = distributions[row.event_date_id]
        record = records.get(row.id)
        member_ids = attendees.get(row.id, ()) if record is None else record.member_ids
        people = [0] * len(BANDS)
        for member_id in member_ids:
            people[band(births.get(member_id), distribution.day)] += 1
        return Visit(
            distribution,
            row.household,
            zips.get(row.household, UNKNOWN),
            tuple(people),
            row.id in first_visits,
            record is not None and is_walk_in(row.created_at, record.first_at),
        )

    return Service(
        [visit(row) for row in came if row.event_date_id in wanted],
        [
            NoShow(distributions[row.event_date_id], zips.get(row.household, UNKNOWN))
            for row in rows
            if row.event_date_id in wanted and meaning[row.event_status_id] is Status.NO_SHOW
        ],
    )


def band(born: date | None, day: date) -> int:
    """The index in BANDS of somebody born on `born`, on `day`."""
    if born is None:
        return 3
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if not 0 <= years <= OLDEST:
        return 3
    return 0 if years < 18 else 1 if years < 60 else 2


def is_walk_in(registered_at: datetime, first_checked_in_at: datetime) -> bool:
    """A walk-in is registered and checked in at once, in one transaction with one time.

    (To the second, because an adopted table may keep no fractions.)
    """
    return abs(first_checked_in_at - registered_at) < timedelta(seconds=1)


def zips_of(registrations: QuerySet[EventRegistration]) -> dict[int, str]:
    """The ZIP codes of the households of these registrations, by household; only known ones."""
    profiles = HouseholdProfile.objects.exclude(zip_code="")
    profiles = profiles.filter(household_id__in=registrations.values("household_id"))
    return dict(profiles.values_list("household_id", "zip_code"))


def _distributions(first: date, last: date) -> dict[int, Distribution]:
    dates = EventDate.objects.between(first, last)
    return {
        date_id: Distribution(day, event_id, event_name)
        for date_id, key, event_id, event_name in dates.values_list(
            "pk", "event_date_key", "event_id", "event__event_name"
        )
        if (day := parse_date_key(key)) is not None
    }


def _rows(date_ids: Collection[int], status_ids: Collection[int]) -> list[_Row]:
    rows = EventRegistration.objects.filter(event_date_id__in=date_ids, event_status__in=status_ids)
    return [_Row(*values) for values in rows.order_by("pk").values_list(*_Row._fields)]


def _households(date_ids: Collection[int], status_ids: Collection[int]) -> list[int]:
    """Those who came on one of these dates."""
    rows = EventRegistration.objects.filter(
        event_date_id__in=date_ids, event_status__in=status_ids, household__isnull=False
    )
    return [pk for pk in rows.values_list("household_id", flat=True).distinct() if pk]


def _first_visits(
    came: Iterable[_Row],
    distributions: Mapping[int, Distribution],
    earlier: Collection[tuple[int, int]],
) -> set[int]:
    """The registrations that are their household's first visit of a year.

    `earlier` are years and households that had a visit before all of these.
    """
    first: dict[tuple[int, int], tuple[date, int]] = {}
    for row in came:
        day = distributions[row.event_date_id].day
        if (key := (day.year, row.household)) in earlier:
            continue
        first[key] = min(first.get(key, (day, row.id)), (day, row.id))
    return {registration_id for _, registration_id in first.values()}


def _records(registrations: QuerySet[EventRegistration]) -> dict[int, _CheckedIn]:
    records = CheckIn.objects.filter(
        registration_id__in=registrations.values("pk"), action=CheckIn.Action.CHECK_IN
    )
    found: dict[int, _CheckedIn] = {}
    for registration_id, at, member_ids in records.order_by("pk").values_list(
        "registration_id", "at", "household_member_ids"
    ):
        earlier = found.get(registration_id)
        found[registration_id] = _CheckedIn(earlier.first_at if earlier else at, member_ids)
    return found


def _attendees(registrations: QuerySet[EventRegistration]) -> dict[int, list[int]]:
    """Those of the registrations that have no check-in record."""
    recorded = CheckIn.objects.filter(
        registration_id=OuterRef("event_registration_id"), action=CheckIn.Action.CHECK_IN
    )
    attending = EventRegistrationMember.objects.filter(
        ~Exists(recorded), event_registration__in=registrations.values("pk")
    )
    found: dict[int, list[int]] = {}
    for registration_id, member_id in attending.values_list(
        "event_registration_id", "household_member_id"
    ):
        found.setdefault(registration_id or 0, []).append(member_id or 0)
    return found


def _births(registrations: QuerySet[EventRegistration]) -> dict[int, date | None]:
    """The birth dates of all members of the households that came, by member."""
    members = HouseholdMember.objects.filter(household_id__in=registrations.values("household_id"))
    return {
        pk: None if born == UNKNOWN_BIRTH_DATE else born
        for pk, born in members.values_list("pk", "date_of_birth")
    }


# Adding up -----------------------------------------------------------------------------


@dataclass
class Line:
    """What is counted of one day, month, event or ZIP, or of the whole period."""

    label: str
    visits: int = 0
    people: list[int] = field(default_factory=lambda: [0] * len(BANDS))
    """In each of the BANDS, at each visit."""
    first_visits: int = 0
    walk_ins: int = 0
    no_shows: int = 0
    _households: set[int] = field(default_factory=set)

    @property
    def households(self) -> int:
        """Each counted once, however often it came."""
        return len(self._households)

    @property
    def individuals(self) -> int:
        return sum(self.people)

    @property
    def ages(self) -> list[tuple[str, int]]:
        """Each of the BANDS with how many came."""
        return list(zip(BANDS, self.people, strict=True))

    def add(self, visit: Visit) -> None:
        self.visits += 1
        self.people = [sum(pair) for pair in zip(self.people, visit.people, strict=True)]
        self.first_visits += visit.is_first_this_year
        self.walk_ins += visit.is_walk_in
        self._households.add(visit.household)


Each = Visit | NoShow
Key = tuple[str | int, ...]


class Grouping(NamedTuple):
    """What a line stands for."""

    key: Callable[[Each], Key]
    """What belongs together has the same; lines are sorted by it."""
    label: Callable[[Each], str]


GROUPINGS = {
    "day": Grouping(
        lambda each: (each.distribution.day.toordinal(),),
        lambda each: display.day(each.distribution.day),
    ),
    "month": Grouping(
        lambda each: (each.distribution.day.year, each.distribution.day.month),
        lambda each: format_date(each.distribution.day, "F Y"),
    ),
    "event": Grouping(
        lambda each: (each.distribution.event_name.casefold(), each.distribution.event_id),
        lambda each: each.distribution.event_name,
    ),
    "zip": Grouping(lambda each: (each.zip == UNKNOWN, each.zip), lambda each: each.zip),
}


def add_up(service: Service, by: str) -> tuple[list[Line], Line]:
    """A line for each day, month, event or ZIP (`by` is one of the GROUPINGS), and the total."""
    grouping, total = GROUPINGS[by], Line("Total")
    lines: dict[Key, Line] = {}

    def counted(each: Each) -> tuple[Line, Line]:
        key = grouping.key(each)
        if key not in lines:
            lines[key] = Line(grouping.label(each))
        return lines[key], total

    for visit in service.visits:
        for line in counted(visit):
            line.add(visit)
    for no_show in service.no_shows:
        for line in counted(no_show):
            line.no_shows += 1
    return [lines[key] for key in sorted(lines)], total
