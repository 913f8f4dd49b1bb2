"""Lists of registrations: newest first, in pages, in a fixed number of queries."""

import pytest
from rest_framework.test import APIClient

from registrations.models import Household
from tests.support import booking as b
from tests.support import factories, tokens
from tests.support.rest import PATH, as_, problem


def test_list_runs_a_fixed_number_of_queries(client: APIClient) -> None:
    slots = factories.EventSlotFactory.create_batch(2, capacity=1)
    day = factories.EventDateFactory(capacity=1)
    as_(client, tokens.of_staff())

    def book(count: int) -> None:
        for household in factories.households(count):
            for target in (*slots, day):
                b.register(household, target)

    book(2)
    few = len(b.statements(lambda: client.get(PATH)))
    book(32)

    page = f"{PATH}?page_size=100"
    assert len(b.statements(lambda: client.get(page))) == few == 8


def test_list_is_newest_first_in_pages(participant: APIClient, household: Household) -> None:
    made = [b.register(household, slot) for slot in factories.EventSlotFactory.create_batch(3)]

    page = participant.get(f"{PATH}?page_size=2").json()

    assert [row["id"] for row in page["results"]] == [made[2].pk, made[1].pk]
    assert page["count"] == 3
    assert page["next"] == f"http://testserver{PATH}?page=2&page_size=2"
    assert page["previous"] is None


@pytest.mark.parametrize("page", ["0", "x", "99", "9" * 40])
def test_missing_page_is_not_found(participant: APIClient, page: str) -> None:
    assert problem(participant.get(f"{PATH}?page={page}")) == (404, "not_found")
