"""A whole day at once: everything later by some minutes, or the day cancelled.

Both take one decision after the other, each under the protocol, for at most some seconds. Called
again, after that time or after a crash, they continue with what is left and do nothing twice.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import DayChanged, NotFound, RegistrationError
from registrations.models import Delay, EventRegistration, Status
from registrations.queries import statuses, whole_day
from registrations.services import booking, foresight, two_phase
from registrations.services.foresight import Foreseen, Place, Step
from registrations.services.retry import retried
from registrations.services.two_phase import Operation
from schedules.keys import ACTIVE
from schedules.models import EventSlot
from schedules.targets import Target

Action = AuditEvent.Action

SECONDS = 20.0
"""How long one call works; far below the 60 s after which gunicorn, and the 70 s after which the
proxy, give up on a request."""
BATCH = 100
"""Registrations cancelled in one transaction."""


@dataclass
class Done:
    """What one call did."""

    done: int = 0
    refused: list[tuple[EventRegistration, RegistrationError]] = field(default_factory=list)
    left: int = 0
    """How many were not tried: the time was up."""


@dataclass(frozen=True)
class Plan:
    """Who goes where, in the order in which places become free: the last slot first."""

    steps: Sequence[Step]
    stuck: Sequence[EventRegistration]
    """For these no slot starts that much later."""


# Later by some minutes --------------------------------------------------------------------


def plan_delay(event_date_id: int, *, since: str, minutes: int, begun: Delay | None = None) -> Plan:
    """Everybody at a slot that starts at `since` ("09:00") or later, and the slot after `minutes`.

    Within a slot those who have a place go before those who wait; in both, the oldest first. With
    `begun`, only those whom this delay has not moved yet: not who registered since, and not who
    was moved by hand since.
    """
    starts: dict[int, list[EventSlot]] = defaultdict(list)
    for slot in whole_day.slots(event_date_id):
        if slot.start_time is not None and slot.start_time >= since:
            starts[minute_of(slot.start_time)].append(slot)
    slot_ids = [slot.pk for slots in starts.values() for slot in slots]
    rows = _not_moved_by(begun, whole_day.movable_at(slot_ids))
    at_slot: dict[int | None, list[EventRegistration]] = defaultdict(list)
    for registration in rows:
        at_slot[registration.event_slot_id].append(registration)
    steps: list[Step] = []
    stuck: list[EventRegistration] = []
    for minute in sorted(starts, reverse=True):
        later = [slot for slot in starts.get(minute + minutes, []) if _is_active(slot)]
        for line, slot in enumerate(starts[minute]):
            those = foresight.in_order(at_slot[slot.pk])
            if not later:
                stuck += those
                continue
            goal = Target.slot(later[min(line, len(later) - 1)].pk)  # the same line, if it exists
            steps += [Step(registration, goal) for registration in those]
    return Plan(steps, stuck)


def minute_of(clock: str) -> int:
    """Turns "09:30" into 570."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _is_active(slot: EventSlot) -> bool:
    return slot.status_id == ACTIVE and slot.event_hour.status_id == ACTIVE


def _not_moved_by(
    delay: Delay | None, rows: Sequence[EventRegistration]
) -> Sequence[EventRegistration]:
    """Read after the rows: who was moved here before they were read has an event by now."""
    if delay is None:
        return rows
    moves = AuditEvent.objects.filter(
        registration_id__in=[row.pk for row in rows], action=Action.MOVED_TO
    )
    moved = {
        event.registration_id
        for event in moves
        if event.details.get("delay") == delay.pk or event.at > delay.begun_at
    }
    return [row for row in rows if row.pk not in moved and row.created_at <= delay.begun_at]


def preview_delay(
    event_date_id: int, *, since: str, minutes: int, now: datetime
) -> tuple[list[Foreseen], list[EventRegistration], dict[Target, Place]]:
    """What a delay would do now: each step, who finds no later slot, and the slots afterwards."""
    plan = plan_delay(event_date_id, since=since, minutes=minutes)
    foreseen, places = foresight.foresee(
        plan.steps, now=now, override=True, keep_queue=True, join_waitlist=True
    )
    return foreseen, list(plan.stuck), places


def delay(
    event_date_id: int,
    *,
    since: str,
    minutes: int,
    number: int,
    reason: str,
    by: Actor,
    seconds: float = SECONDS,
) -> Done:
    """Moves everybody from `since` ("09:00") on to the slot that starts `minutes` later.

    `number` is that of the date's next delay as the caller has seen it. The same number with the
    same time and minutes again continues that delay. Who waits finds a place there, or keeps
    waiting there, in the order of the queue; nobody is promoted into a slot that is left. The trail
    keeps the reason, which also overrides the opening rules. Capacity counts: who does not fit
    stays, and is named in the result. Raises DayChanged if another delay has that number.
    """
    deadline = time.monotonic() + seconds
    begun = _begin(event_date_id, since=since, minutes=minutes, number=number, reason=reason, by=by)
    plan = plan_delay(event_date_id, since=since, minutes=minutes, begun=begun)
    note = {"delay": begun.pk, "minutes": minutes, "reason": begun.reason}
    result = Done()
    for position, step in enumerate(plan.steps):
        if time.monotonic() > deadline:
            result.left = len(plan.steps) - position
            break
        try:
            booking.move(
                step.registration,
                target=step.target,
                only_from=step.registration.target,
                override_reason=begun.reason,
                keep_queue=True,
                join_waitlist=True,
                note=note,
                by=by,
            )
        except RegistrationError as refusal:
            result.refused.append((step.registration, refusal))
        else:
            result.done += 1
    missing = no_later_slot(minutes)
    result.refused += [(registration, missing) for registration in plan.stuck]
    return result


def no_later_slot(minutes: int) -> RegistrationError:
    return NotFound(f"no slot in use starts {minutes} minutes later")


def _begin(
    event_date_id: int, *, since: str, minutes: int, number: int, reason: str, by: Actor
) -> Delay:
    """The row of this delay: a new one, or the one that this call continues."""
    try:
        with transaction.atomic(using=PRIVATE, durable=True):
            return Delay.objects.create(
                event_date_id=event_date_id,
                number=number,
                since=since,
                minutes=minutes,
                reason=reason,
                actor_id=by.id,
                begun_at=timezone.now(),
            )
    except IntegrityError:
        begun = whole_day.latest_delay(event_date_id)
    if begun is None or (begun.number, begun.since, begun.minutes) != (number, since, minutes):
        raise DayChanged
    return begun


# Cancelled --------------------------------------------------------------------------------


def cancel(event_date_id: int, *, reason: str, by: Actor, seconds: float = SECONDS) -> Done:
    """Cancels every registration of a date that has a place and has not come, or that waits.

    Nobody is promoted in between: who waits at a slot leaves together with, or before, those who
    have a place there. The trail keeps the reason. Raises Busy; what is done then stays done.
    """
    deadline = time.monotonic() + seconds
    result = Done()
    for target in whole_day.movable_targets(event_date_id):
        while time.monotonic() <= deadline:
            cancelled = _cancel_at(target, event_date_id, reason=reason, by=by)
            result.done += cancelled
            if cancelled < BATCH:
                break
    result.left = whole_day.movable_on(event_date_id).count()
    return result


@retried
def _cancel_at(target: Target, event_date_id: int, *, reason: str, by: Actor) -> int:
    """Cancels the next of one target, in one transaction; returns how many."""
    now = timezone.now()

    def give_back(operation: Operation) -> int:
        place = operation.place
        here = whole_day.movable_on(event_date_id).filter(event_slot_id=_slot_id(target))
        # NULL sorts first on every engine, so downwards those who wait come first.
        rows = list(here.select_related("event_status").order_by("-waitlisted_at", "pk")[:BATCH])
        for registration in rows:
            was_confirmed = registration.status is Status.CONFIRMED
            if was_confirmed:
                place.release(registration.event_date_id)
            else:
                place.leave_queue()
            registration.transition_to(
                statuses.row_for(Status.CANCELLED),
                at=now,
                by=by.legacy_id,
                cancelled_at=now,
                waitlisted_at=None,
            )
            operation.record(
                Action.CANCELLED,
                registration,
                place=place,
                delta=-1 if was_confirmed else 0,
                day_cancelled=True,
                reason=reason,
            )
        return len(rows)

    return two_phase.run([target], give_back, by=by, at=now)


def _slot_id(target: Target) -> int | None:
    return None if target.is_date else target.id
