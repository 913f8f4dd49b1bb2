"""Registrations follow their hour when PantryTrak moves it to another date.

The slot stays, and with it the place and the counter of the slot; date and event of the
registration change, and the counters of both dates with them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import IntegrityError
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent
from registrations.errors import TryAgain
from registrations.models import EventRegistration, Status
from registrations.queries import misplaced, targets
from registrations.services import two_phase
from registrations.services.retry import retried
from registrations.services.two_phase import Operation
from schedules import appointments
from schedules.appointments import Appointment
from schedules.targets import Target

Action = AuditEvent.Action


@dataclass(frozen=True)
class Misplaced:
    """A registration that says another date than its slot."""

    registration_id: int
    household_id: int | None
    event_slot_id: int
    event_date_id: int
    """What the registration says."""
    now_on: int
    """The date on which its slot lies now."""
    blocked_by: int | None
    """The household's other registration on that date: it has to be cancelled first."""


def follow(slot_ids: Collection[int], *, fix: bool) -> list[Misplaced]:
    """Finds the misplaced registrations at these slots, and with `fix` gives them their date.

    Those that are blocked stay as they are. Raises Busy.
    """
    found = misplaced.slots(slot_ids)
    if fix:
        return [each for slot_id in sorted(found) for each in _redate(slot_id)]
    return [
        _describe(registration, now_on)
        for slot_id, now_on in sorted(found.items())
        for registration in misplaced.at(slot_id, now_on)
    ]


@retried
def _redate(slot_id: int) -> list[Misplaced]:
    """All misplaced registrations of a slot in one operation: the slot's own counter stays."""
    target, now = Target.slot(slot_id), timezone.now()

    def change_date(operation: Operation) -> list[Misplaced]:
        appointment = appointments.find_many([target]).get(target)
        if appointment is None:  # gone meanwhile
            return []
        return [
            _redate_one(operation, registration, appointment)
            for registration in misplaced.at(slot_id, appointment.event_date_id)
        ]

    try:
        return two_phase.run([target], change_date, by=trail.SYSTEM, at=now)
    except IntegrityError as error:
        raise TryAgain("The household has just registered on that date.") from error


def _redate_one(
    operation: Operation, registration: EventRegistration, appointment: Appointment
) -> Misplaced:
    described = _describe(registration, appointment.event_date_id)
    if described.blocked_by is not None:
        return described
    place, is_confirmed = operation.place, registration.status is Status.CONFIRMED
    status = registration.event_status
    assert status is not None  # misplaced.at() finds only rows that have one
    delta = 1 if is_confirmed else 0
    operation.record(Action.MOVED_FROM, registration, place=place, delta=-delta, hour_moved=True)
    if is_confirmed:
        place.release(registration.event_date_id)
        place.take(appointment.event_date_id)
    registration.transition_to(
        status,
        at=operation.at,
        by=operation.by.legacy_id,
        event_date_id=appointment.event_date_id,
        event_id=appointment.event_id,
    )
    operation.record(Action.MOVED_TO, registration, place=place, delta=delta, hour_moved=True)
    return described


def _describe(registration: EventRegistration, now_on: int) -> Misplaced:
    household_id, slot_id = registration.household_id, registration.event_slot_id
    says = registration.event_date_id
    assert slot_id is not None  # misplaced.at() finds only rows that have both
    assert says is not None
    return Misplaced(
        registration_id=registration.pk,
        household_id=household_id,
        event_slot_id=slot_id,
        event_date_id=says,
        now_on=now_on,
        blocked_by=household_id and targets.active_registration_id(household_id, now_on),
    )
