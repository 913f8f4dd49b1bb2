"""The preview of moves says what the moves then do: compared with the moves themselves."""

import random

import pytest
from django.utils import timezone

from registrations.errors import RegistrationError
from registrations.models import EventRegistration, Status
from registrations.services import booking, foresight
from registrations.services.foresight import Step
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories


def _steps(rows: list[EventRegistration], slots: list[EventSlot]) -> list[Step]:
    fresh = [EventRegistration.objects.select_related("event_status").get(pk=r.pk) for r in rows]
    goal_of = {row.pk: slot for row, slot in zip(rows, slots, strict=True)}
    return [Step(row, b.target_of(goal_of[row.pk])) for row in foresight.in_order(fresh)]


def test_who_has_a_place_goes_first_then_the_queue_and_the_oldest_first() -> None:
    slot, other = factories.EventSlotFactory.create_batch(2, capacity=2)
    four = [b.register(household, slot) for household in factories.households(4)]

    in_order = [step.registration.pk for step in _steps(four[::-1], [other] * 4)]

    assert in_order == [row.pk for row in four]


def _world(chance: random.Random) -> tuple[list[EventRegistration], list[EventSlot]]:
    """Slots of two dates with places, queues, other systems' bookings and raised capacities."""
    slots = []
    for closed in (False, chance.random() < 0.3):
        day = factories.EventDateFactory(event_date_key=factories.in_days(7))
        for at in range(3):
            slot = factories.EventSlotFactory(
                event_hour__event_date=day,
                capacity=chance.randint(0, 3),
                start_time_key=900 + 100 * at,
            )
            slots.append(slot)
        households = factories.households(10)
        if len(slots) > 3:  # some have a registration on both dates
            mine = {row.household_id: row.household for row in EventRegistration.objects.all()}
            households[:3] = chance.sample(list(mine.values()), 3)
        for household in households:
            b.register(household, chance.choice(slots[-3:]))
        if closed:
            EventDate.objects.filter(pk=day.pk).update(accept_reservations=0)
    for slot in slots:
        if chance.random() < 0.4:
            EventSlot.objects.filter(pk=slot.pk).update(capacity=chance.randint(0, 5))
        if chance.random() < 0.2:
            EventSlot.objects.filter(pk=slot.pk).update(reserved=b.reserved(slot) + 1)
    rows = list(EventRegistration.objects.all())
    b.cancel(chance.choice(rows))
    return rows, slots


@pytest.mark.parametrize("seed", range(24))
def test_what_is_foreseen_is_what_happens(seed: int) -> None:
    chance = random.Random(seed)
    rows, slots = _world(chance)
    chosen = chance.sample(rows, chance.randint(1, len(rows)))
    goal = chance.choice(slots)
    all_to_one = chance.random() < 0.6
    steps = _steps(chosen, [goal if all_to_one else chance.choice(slots) for _ in chosen])
    options = {"keep_queue": chance.random() < 0.5, "join_waitlist": chance.random() < 0.3}
    reason = chance.choice(["a reason", ""])
    came_from = {row.pk: row.target for row in EventRegistration.objects.all()}
    waited = set(EventRegistration.objects.waiting().values_list("pk", flat=True))

    foreseen, places = foresight.foresee(
        steps, now=timezone.now(), override=bool(reason), **options
    )
    happened = {step.registration.pk: _move(step, reason, options) for step in steps}

    assert {
        each.step.registration.pk: each.refusal.code if each.refusal else None for each in foreseen
    } == happened
    waiting = set(EventRegistration.objects.waiting().values_list("pk", flat=True))
    assert {e.step.registration.pk for e in foreseen if e.waits} == waiting & set(happened)
    for target, place in places.items():
        assert place.after == EventSlot.objects.get(pk=target.id).reserved, target
        confirmed = {r.pk for r in EventRegistration.objects.at(target) if _has_place(r)}
        stayed = {pk for pk, source in came_from.items() if source == target}
        assert set(place.promoted) & stayed == confirmed & waited & stayed, target


def _move(step: Step, reason: str, options: dict[str, bool]) -> str | None:
    """The code of the refusal, if there is one."""
    registration = EventRegistration.objects.get(pk=step.registration.pk)
    try:
        booking.move(
            registration,
            target=step.target,
            override_reason=reason,
            by=b.STAFF,
            **options,  # type: ignore[arg-type]
        )
    except RegistrationError as refusal:
        return refusal.code
    return None


def _has_place(registration: EventRegistration) -> bool:
    return registration.status is Status.CONFIRMED
