"""What is shown of a registration beside its row: appointment, place in the queue, attendees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import F, Func, OuterRef, Q, Subquery

from audit.models import AuditEvent, CheckIn
from registrations.models import EventRegistration, HouseholdMember, Status
from schedules import appointments
from schedules.appointments import Appointment
from schedules.targets import Target

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RegistrationDetails:
    """A registration with what its row does not hold."""

    registration: EventRegistration
    appointment: Appointment | None = None
    """None where the schedule cannot be read, or the slot or date is gone."""
    waitlist_position: int | None = None
    """1 is the head of the queue; None when it does not wait."""
    attendees: Sequence[HouseholdMember] = ()
    is_schedule_available: bool = True
    """False while freshtrak_public does not answer."""
    check_in: CheckIn | None = None
    """Who checked it in, and whom; None if it is not checked in, or was adopted as such."""

    @property
    def came(self) -> Sequence[HouseholdMember] | None:
        """The attendees who came; None where that is not recorded."""
        if self.check_in is None:
            return None
        present = set(self.check_in.household_member_ids)
        return [member for member in self.attendees if member.pk in present]

    def completed_by(self, earlier: RegistrationDetails) -> RegistrationDetails:
        """These details, and from earlier ones what the operation in between did not touch."""
        waits = self.registration.waitlisted_at is not None
        return replace(
            self,
            appointment=self.appointment or earlier.appointment,
            waitlist_position=earlier.waitlist_position if waits else None,
            attendees=self.attendees or earlier.attendees,
        )


BeforeCommit = Callable[[RegistrationDetails], None]
"""Called by a service inside its private transaction, with the details that the service knows."""


def read(page: Sequence[EventRegistration]) -> list[RegistrationDetails]:
    """The details of each registration of a page, in a fixed number of queries.

    Without freshtrak_public the appointments are missing: a registration can still be shown.
    """
    positions = waitlist_positions(page)
    found = _appointments(row.target for row in page if row.is_placed)
    recorded = check_ins(page)
    return [
        RegistrationDetails(
            registration=row,
            appointment=(found or {}).get(row.target) if row.is_placed else None,
            waitlist_position=positions.get(row.pk),
            attendees=[a.household_member for a in row.attendees.all() if a.household_member],
            is_schedule_available=found is not None,
            check_in=recorded.get(row.pk),
        )
        for row in page
    ]


def schedule_of(registration: EventRegistration) -> RegistrationDetails:
    """The registration with only its appointment, or its date's if the slot is gone."""
    slot_id, date_id = registration.event_slot_id, registration.event_date_id
    targets = [Target.slot(slot_id)] if slot_id is not None else []
    found = _appointments(targets)
    if not found and found is not None and date_id is not None:
        targets = [Target.date(date_id)]
        found = _appointments(targets)
    return RegistrationDetails(
        registration,
        appointment=(found or {}).get(targets[0]) if targets else None,
        is_schedule_available=found is not None,
    )


def check_ins(page: Iterable[EventRegistration]) -> dict[int, CheckIn]:
    """The check-in of each registration of `page` that is checked in; without the adopted ones."""
    ids = [row.pk for row in page if row.status is Status.CHECKED_IN]
    if not ids:
        return {}
    in_order = CheckIn.objects.filter(registration_id__in=ids).order_by("pk")
    newest = {record.registration_id: record for record in in_order}
    return {pk: each for pk, each in newest.items() if each.action == CheckIn.Action.CHECK_IN}


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


def appointments_of(records: Iterable[AuditEvent | CheckIn]) -> dict[int, Appointment]:
    """The appointment of each event or check-in, by its id; without those that are gone."""
    targets = {
        record.pk: Target.of(event_slot_id=record.event_slot_id, event_date_id=record.event_date_id)
        for record in records
        if record.event_slot_id is not None or record.event_date_id is not None
    }
    found = _appointments(targets.values()) or {}
    return {pk: found[target] for pk, target in targets.items() if target in found}


def _appointments(targets: Iterable[Target]) -> dict[Target, Appointment] | None:
    """As public tells; None if it does not answer."""
    try:
        return appointments.find_many(targets)
    except (DatabaseError, InterfaceError):
        log.warning("schedule_unavailable", exc_info=True)
        return None
