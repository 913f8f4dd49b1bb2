"""What moves would do now, one after the other: the same decisions as `booking.move`, no writes.

Read without locks: whatever changes before the moves, they decide again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from registrations.errors import AlreadyRegistered, CapacityFull, InvalidStatus, RegistrationError
from registrations.models import EventRegistration, Status
from registrations.queries import targets
from registrations.services import booking_rules, waitlist
from schedules import counters
from schedules.appointments import Offer
from schedules.counters import CounterRow
from schedules.targets import Target

Order = tuple[bool, datetime, int]


@dataclass(frozen=True)
class Step:
    """A registration, and where it is to go."""

    registration: EventRegistration
    target: Target


@dataclass(frozen=True)
class Foreseen:
    """What becomes of one step."""

    step: Step
    refusal: RegistrationError | None = None
    """Why the registration stays where it is; None if it moves, or is there already."""
    waits: bool = False
    """Whether it waits afterwards, wherever it is then."""
    was_promoted: bool = False
    """It waited and stays, with a place that one of the others left."""


@dataclass
class Place:
    """One target while the steps pass, with its counter and the queue as they leave it."""

    target: Target
    counter: CounterRow | None
    holding: int
    is_open: bool
    """Whether the queue is promoted by itself."""
    queue: list[EventRegistration]
    """Who waits and can be promoted, the head first."""
    delta: int = 0
    promoted: dict[int, EventRegistration] = field(default_factory=dict)

    @property
    def before(self) -> int | None:
        return self.counter.reserved if self.counter else None

    @property
    def after(self) -> int | None:
        return self.counter.reserved + self.delta if self.counter else None

    @property
    def free(self) -> int:
        if self.counter is None:
            return 0
        return self.counter.capacity - max(self.counter.reserved, self.holding) - self.delta

    def serve_queue(self) -> None:
        while self.free > 0 and self.queue:
            promoted = self.queue.pop(0)
            self.promoted[promoted.pk] = promoted
            self.delta += 1

    def leave(self, registration: EventRegistration) -> None:
        """Gives back the place of one that goes, or its place in the queue."""
        if self.waits(registration):
            self.queue = [each for each in self.queue if each.pk != registration.pk]
        else:
            self.promoted.pop(registration.pk, None)
            self.delta -= 1

    def waits(self, registration: EventRegistration) -> bool:
        return registration.status is Status.WAITLISTED and registration.pk not in self.promoted


def in_order(registrations: Iterable[EventRegistration]) -> list[EventRegistration]:
    """Who goes first if not all fit: those who have a place, then the queue; oldest first."""
    return sorted(registrations, key=_order)


def _order(registration: EventRegistration) -> Order:
    since = registration.waitlisted_at or registration.created_at
    return registration.waitlisted_at is not None, since, registration.pk


def foresee(
    steps: Sequence[Step],
    *,
    now: datetime,
    override: bool = False,
    keep_queue: bool = False,
    join_waitlist: bool = False,
) -> tuple[list[Foreseen], dict[Target, Place]]:
    """What each step will do, and each target as all of them leave it.

    The options are those of `booking.move`; `override` stands for a reason.
    """
    offers = {target: _offer(target, now, override) for target in {s.target for s in steps}}
    places = _read(steps, now)
    active = _active_on_goals(steps, offers)
    refusals: dict[int, RegistrationError] = {}
    waiting: dict[int, bool] = {}
    for step in steps:
        registration, offer = step.registration, offers[step.target]
        if refusal := _refusal(step, offer):
            refusals[registration.pk] = refusal
        if refusal or isinstance(offer, RegistrationError) or registration.target == step.target:
            continue
        old, new = places[registration.target], places[step.target]
        waits = old.waits(registration)
        for_queue = min(new.free, len(new.queue)) if offer.is_open else 0
        is_confirmed = new.free > for_queue and (offer.is_open or not new.queue)
        if not is_confirmed and not (waits and join_waitlist):
            if offer.is_open:
                new.serve_queue()
            refusals[registration.pk] = CapacityFull()
            continue
        there = active[registration.household_id, offer.appointment.event_date_id]
        if registration.household_id is not None and there - {registration.pk}:
            refusals[registration.pk] = AlreadyRegistered()
            continue
        active[registration.household_id, registration.event_date_id].discard(registration.pk)
        there.add(registration.pk)
        if offer.is_open:
            new.serve_queue()
        old.leave(registration)
        waiting[registration.pk] = not is_confirmed
        if is_confirmed:
            new.delta += 1
        else:
            new.queue.append(registration)
        if not waits and not keep_queue and old.is_open:
            old.serve_queue()

    def become(step: Step) -> Foreseen:
        pk = step.registration.pk
        refusal, here = refusals.get(pk), places[step.registration.target]
        if pk in waiting:
            return Foreseen(step, waits=waiting[pk] and pk not in places[step.target].promoted)
        return Foreseen(
            step, refusal, here.waits(step.registration), was_promoted=pk in here.promoted
        )

    return [become(step) for step in steps], places


def _offer(target: Target, now: datetime, override: bool) -> Offer | RegistrationError:
    try:
        return booking_rules.bookable(target, now, override=override)
    except RegistrationError as refusal:
        return refusal


def _refusal(step: Step, offer: Offer | RegistrationError) -> RegistrationError | None:
    registration = step.registration
    if isinstance(offer, RegistrationError) and registration.target != step.target:
        return offer
    if registration.status not in {Status.CONFIRMED, Status.WAITLISTED}:
        return InvalidStatus(f"A {registration.status_in_words} registration cannot be moved.")
    return None


def _read(steps: Sequence[Step], now: datetime) -> dict[Target, Place]:
    involved = sorted({step.registration.target for step in steps} | {s.target for s in steps})
    counted = targets.count_rows(involved)
    places = {}
    for target in involved:
        counter = counters.read_unlocked(target)
        place = Place(target, counter, counted[target].holding, waitlist.is_open(target, now), [])
        if counted[target].waiting:
            # No more can be promoted than there are places now, and steps that free one.
            limit = max(place.free, 0) + len(steps) + 1
            place.queue = targets.eligible_queue(target, limit=limit)
        places[target] = place
    return places


def _active_on_goals(
    steps: Sequence[Step], offers: dict[Target, Offer | RegistrationError]
) -> dict[tuple[int | None, int | None], set[int]]:
    """The active registrations of each household on each date that somebody moves to."""
    days = {o.appointment.event_date_id for o in offers.values() if isinstance(o, Offer)}
    ids = {step.registration.household_id for step in steps}
    households = {id_ for id_ in ids if id_ is not None}
    rows = EventRegistration.objects.active().filter(
        event_date_id__in=days, household_id__in=households
    )
    active: dict[tuple[int | None, int | None], set[int]] = defaultdict(set)
    for pk, household_id, event_date_id in rows.values_list("pk", "household_id", "event_date_id"):
        active[household_id, event_date_id].add(pk)
    return active
