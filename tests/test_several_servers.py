"""Several application servers on the same two databases: nothing is shared between them."""

import threading
from collections import Counter
from typing import Any

import pytest

from tests import booking as b
from tests import factories, served, tokens

pytestmark = pytest.mark.real_commits

PATH = "/api/v1/registrations/"


def test_two_servers_under_load_are_as_exact_as_one() -> None:
    """Forty households fight for ten places of two slots through two servers; half leave."""
    day = factories.EventDateFactory()
    slots = [factories.EventSlotFactory(event_hour__event_date=day, capacity=5) for _ in range(2)]
    households = factories.households(40)
    answers: list[int] = []

    def book(service: served.Service, mine: list[Any]) -> None:
        for number, household in enumerate(mine):
            body = {"event_slot_id": slots[number % 2].pk,
                    "attendees": [household.members.get().pk]}  # fmt: skip
            token = tokens.of_household(household)
            booked = service.post(PATH, token, body, idempotency_key=str(household.pk))
            answers.append(booked.status)
            if number % 2:
                gone = service.post(f"{PATH}{booked.body['id']}/cancel/", token, {})
                answers.append(gone.status)

    with served.serve() as one, served.serve() as other:
        assert one.address != other.address
        calls = [(one, households[:10]), (other, households[10:20]),
                 (one, households[20:30]), (other, households[30:])]  # fmt: skip
        threads = [threading.Thread(target=book, args=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)

    b.settle_all()
    assert Counter(answers) == {201: 40, 200: 20}
    assert b.drift() == {}
    assert b.oversold() == {}
    # Nobody waits where a place is free.
    for slot in slots:
        assert b.reserved(slot) == min(5, b.reserved(slot) + len(b.queue(slot)))


def test_a_key_is_one_effect_whichever_server_is_asked(household: Any) -> None:
    slot = factories.EventSlotFactory()
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}
    token = tokens.of_household(household)

    with served.serve() as one, served.serve() as other:
        first = one.post(PATH, token, body, idempotency_key="k")
        again = other.post(PATH, token, body, idempotency_key="k")

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert (b.reserved(slot), b.drift()) == (1, {})
