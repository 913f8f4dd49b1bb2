"""Reads that more than one caller needs. Nothing here writes or locks."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import (
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from audit.models import CheckIn
from registrations import confirmation_codes
from registrations.errors import (
    FieldError,
    HouseholdNotResolved,
    InvalidRequest,
)
from registrations.models import (
    HOLDING,
    EventRegistration,
    EventRegistrationMember,
    EventStatus,
    Household,
    HouseholdMember,
    Status,
    at_target,
)
from schedules import appointments
from schedules.appointments import Appointment
from schedules.counters import Target
from schedules.models import EventDate

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Tally:
    """How many registrations a target has, and the rows of `event_statuses`."""

    holding: int
    waiting: int
    last_waitlisted_at: datetime | None
    """When the last of the queue joined it."""
    rows: dict[int, EventStatus]
    statuses: dict[Status, EventStatus]
    """The row to write for each status."""


def tally(target: Target) -> Tally:
    """Counts by status at one target, from an index, in one query."""
    rows = (
        EventStatus.objects.annotate(
            here=FilteredRelation("registrations", condition=at_target(target, "registrations__"))
        )
        .annotate(count=Count("here"), last_waitlisted_at=Max("here__waitlisted_at"))
        .order_by("pk")
    )
    statuses: dict[Status, EventStatus] = {}
    counts: Counter[Status] = Counter()
    for row in rows:
        if (status := row.status) is not None:
            statuses.setdefault(status, row)  # of two spellings, the older row is written
            counts[status] += row.count
    return Tally(
        holding=sum(counts[status] for status in HOLDING),
        waiting=counts[Status.WAITLISTED],
        last_waitlisted_at=max(
            (row.last_waitlisted_at for row in rows if row.last_waitlisted_at), default=None
        ),
        rows={row.pk: row for row in rows},
        statuses=statuses,
    )


def eligible_queue(target: Target, limit: int) -> list[EventRegistration]:
    """The first `limit` of the waitlist who can still be given a place.

    Skipped, and left in the queue: households that are gone, registrations of which no attendee
    is left. (A household with another place that day cannot be in it: the database forbids it.)
    """
    attending = EventRegistrationMember.objects.filter(
        event_registration_id=OuterRef("pk"), household_member__is_active=True
    )
    queue = EventRegistration.objects.at(target).waiting()
    eligible = queue.filter(Exists(attending), household__isnull=False, household__deleted_on=None)
    return list(eligible[:limit])


def attendees(household_id: int, member_ids: Sequence[int]) -> list[HouseholdMember]:
    """The members of the household with these ids, in this order.

    Raises InvalidRequest with an error for each id that cannot attend, HouseholdNotResolved if
    the household does not exist or is gone.
    """
    found = {
        member.pk: member
        for member in HouseholdMember.objects.select_related("household").filter(
            household_id=household_id, pk__in=member_ids
        )
    }
    household = next((member.household for member in found.values()), None)
    household = household or Household.objects.filter(pk=household_id).first()
    if household is None or household.is_gone:
        raise HouseholdNotResolved

    def problem(member_id: int) -> tuple[str, str] | None:
        if member_id not in found:
            return "not_a_member", f"{member_id} is not a member of this household."
        if not found[member_id].is_active:
            return "inactive_member", f"Member {member_id} is no longer active."
        return None

    _check_each(member_ids, problem)
    return [found[member_id] for member_id in member_ids]


def attending(registration: EventRegistration, member_ids: Sequence[int] | None) -> list[int]:
    """Those of the registration's attendees who came: all, or the ones named.

    Raises InvalidRequest with an error for each that is not an attendee, or named twice.
    """
    expected = list(
        registration.attendees.order_by("pk").values_list("household_member_id", flat=True)
    )
    if member_ids is None:
        return [member_id for member_id in expected if member_id is not None]

    def problem(member_id: int) -> tuple[str, str] | None:
        if member_id not in expected:
            return "not_an_attendee", f"{member_id} is not an attendee of this registration."
        return None

    _check_each(member_ids, problem)
    return list(member_ids)


def _check_each(
    member_ids: Sequence[int], problem: Callable[[int], tuple[str, str] | None]
) -> None:
    """Raises InvalidRequest if nobody is named, somebody twice, or one with a `problem`."""
    errors = []
    if not member_ids:
        errors.append(FieldError("attendees", "empty", "Name at least one attendee."))
    seen: set[int] = set()
    for position, member_id in enumerate(member_ids):
        found = problem(member_id)
        if member_id in seen:
            found = ("duplicate", f"Member {member_id} is named twice.")
        seen.add(member_id)
        if found:
            errors.append(FieldError(f"attendees.{position}", *found))
    if errors:
        raise InvalidRequest(*errors)


def status_row(status: Status) -> EventStatus:
    """The row of `event_statuses` to write: the oldest that means this status."""
    return next(row for row in EventStatus.objects.order_by("pk") if row.status is status)


def active_registration_id(household_id: int, event_date_id: int) -> int | None:
    """The id of the household's one active registration on a date."""
    rows = EventRegistration.objects.active().filter(
        household_id=household_id, event_date_id=event_date_id
    )
    return rows.values_list("pk", flat=True).first()


def registrations() -> "QuerySet[EventRegistration]":
    """Registrations as the API shows them: status and attendees with them, newest first."""
    return (
        EventRegistration.objects.select_related("event_status")
        .prefetch_related("attendees__household_member")
        .order_by("-pk")
    )


def filtered(
    rows: "QuerySet[EventRegistration]",
    *,
    now: datetime,
    search_names: bool,
    status: str | None = None,
    when: str | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    search: str = "",
    ordering: str = "-created_at",
    **ids: int,
) -> "QuerySet[EventRegistration]":
    """`rows` by what a client asks for. Days are public's: they go by the ids of its dates."""
    rows = rows.filter(**ids)
    if status is not None:
        rows = rows.filter(event_status_id__in=_status_ids(Status(status)))
    if when is not None:
        days = EventDate.objects.upcoming(now).values_list("pk", flat=True)
        upcoming = Q(event_date_id__in=list(days))
        rows = rows.filter(upcoming if when == "upcoming" else ~upcoming)
    if date_from is not None or date_to is not None:
        days = EventDate.objects.between(date_from, date_to).values_list("pk", flat=True)
        rows = rows.filter(event_date_id__in=list(days))
    if text := search.strip():
        rows = rows.filter(_matches(text, names=search_names))
    return rows.order_by("pk" if ordering == "created_at" else "-pk")


def _status_ids(status: Status) -> list[int]:
    return [row.pk for row in EventStatus.objects.all() if row.status is status]


def _matches(text: str, *, names: bool) -> Q:
    matches = Q(pk=confirmation_codes.decode(text) or 0)
    if names:
        members = HouseholdMember.objects.filter(
            Q(first_name__icontains=text) | Q(last_name__icontains=text)
        )
        matches |= Q(household__name__icontains=text)
        matches |= Q(household_id__in=members.values("household_id"))
    return matches


def household_with_members(household_id: int) -> tuple[Household, list[HouseholdMember]]:
    """A household and its active members, the head first. Raises HouseholdNotResolved."""
    household = Household.objects.filter(pk=household_id, deleted_on=None).first()
    if household is None:
        raise HouseholdNotResolved
    members = household.members.filter(is_active=True)
    return household, list(members.order_by("-is_head_of_household", "pk"))


def appointments_of(records: Iterable[CheckIn]) -> dict[int, Appointment]:
    """The appointment of each check-in record, by its id; without those that are gone."""
    targets = {
        record.pk: Target.of(event_slot_id=record.event_slot_id, event_date_id=record.event_date_id)
        for record in records
        if record.event_slot_id is not None or record.event_date_id is not None
    }
    found = _appointments(targets.values())
    return {pk: found[target] for pk, target in targets.items() if target in found}


def _appointments(targets: Iterable[Target]) -> dict[Target, Appointment]:
    """As public tells; none if it does not answer."""
    try:
        return appointments.find_many(targets)
    except (DatabaseError, InterfaceError):
        log.warning("schedule_unavailable", exc_info=True)
        return {}


def waitlisted(event_date_ids: Iterable[int]) -> dict[tuple[int, int | None], int]:
    """How many wait at each (date, slot) of these dates; slot None is the date itself."""
    counts = (
        EventRegistration.objects.waiting()
        .filter(event_date_id__in=list(event_date_ids))
        .order_by()
        .values_list("event_date_id", "event_slot_id")
        .annotate(count=Count("pk"))
    )
    return {(date_id, slot_id): count for date_id, slot_id, count in counts if date_id}


def waitlist_positions(page: Iterable[EventRegistration]) -> dict[int, int]:
    """Place in the queue (1 is the head) of each waiting registration of `page`.

    At most two queries, whatever the size of page and queues: slots and date-only dates.
    """
    waiting = [row for row in page if row.waitlisted_at is not None]
    at_slots = [row.pk for row in waiting if row.event_slot_id is not None]
    at_dates = [row.pk for row in waiting if row.event_slot_id is None]
    same_slot = Q(event_slot_id=OuterRef("event_slot_id"))
    same_date = Q(event_slot_id=None, event_date_id=OuterRef("event_date_id"))
    return _positions(at_slots, same_slot) | _positions(at_dates, same_date)


def _positions(ids: list[int], same_target: Q) -> dict[int, int]:
    if not ids:
        return {}
    not_behind = Q(waitlisted_at__lt=OuterRef("waitlisted_at")) | Q(
        waitlisted_at=OuterRef("waitlisted_at"), pk__lte=OuterRef("pk")
    )
    ahead = EventRegistration.objects.filter(same_target, not_behind).order_by()
    count = ahead.annotate(count=Func(F("pk"), function="COUNT")).values("count")
    rows = EventRegistration.objects.filter(pk__in=ids).annotate(position=Subquery(count))
    return dict(rows.values_list("pk", "position"))


def show(page: Sequence[EventRegistration]) -> None:
    """Adds what a registration's own row does not hold: queue, appointment, who attends.

    Without freshtrak_public the appointment stays None: a registration can still be shown.
    """
    positions = waitlist_positions(page)
    found = _appointments(row.target for row in page if row.is_placed)
    for row in page:
        row.waitlist_position = positions.get(row.pk)
        row.appointment = found.get(row.target) if row.is_placed else None
        row.attending = [a.household_member for a in row.attendees.all() if a.household_member]
