"""Several application servers on the same two databases; they share nothing else."""

import threading
from collections import Counter
from typing import Any

import pytest

from tests.support import booking as b
from tests.support import factories, served, tokens

pytestmark = pytest.mark.real_commits

PATH = "/api/v1/registrations/"


CLIENTS, SLOTS = 8, 12


@pytest.mark.slow
def test_two_servers_under_load_are_as_exact_as_one() -> None:
    """Eight clients, four at each server, ask at once for a slot's two places, one slot after
    another; at every other slot, those who are confirmed then cancel at once."""
    day = factories.EventDateFactory()
    slots = [
        factories.EventSlotFactory(event_hour__event_date=day, capacity=2) for _ in range(SLOTS)
    ]
    turns = [list(zip(slots, factories.households(SLOTS), strict=True)) for _ in range(CLIENTS)]
    together = threading.Barrier(CLIENTS)
    answers: list[int] = []

    def book(service: served.Service, mine: list[Any]) -> None:
        for slot, household in mine:
            body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}
            token = tokens.of_household(household)
            together.wait(30)
            booked = service.post(PATH, token, body, idempotency_key=str(household.pk))
            answers.append(booked.status)
            together.wait(30)
            if booked.body["status"] == "confirmed" and slot in slots[::2]:
                cancelled = service.post(f"{PATH}{booked.body['id']}/cancel/", token, {})
                answers.append(cancelled.status)

    with served.serve() as one, served.serve() as other:
        assert one.address != other.address
        b.in_parallel(
            *(
                lambda service=(one, other)[n % 2], mine=mine: book(service, mine)
                for n, mine in enumerate(turns)
            )
        )

    b.settle_all()
    assert Counter(answers) == {201: CLIENTS * SLOTS, 200: SLOTS}
    assert b.drift() == {}
    assert b.oversold() == {}
    # The head of the queue took each cancelled place: every place is held, and the others wait.
    assert [b.reserved(slot) for slot in slots] == [2] * SLOTS
    assert [len(b.queue(slot)) for slot in slots] == [CLIENTS - 4, CLIENTS - 2] * (SLOTS // 2)


def test_a_key_has_one_effect_whichever_server_gets_it(household: Any) -> None:
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}
    token = tokens.of_household(household)

    with served.serve() as one, served.serve() as other:
        first = one.post(PATH, token, body, idempotency_key="k")
        again = other.post(PATH, token, body, idempotency_key="k")

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert (b.reserved(slot), b.drift()) == (1, {})
