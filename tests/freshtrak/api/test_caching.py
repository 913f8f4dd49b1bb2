"""What is about a person is kept by nobody."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support import booking as b
from tests.support import desk, factories, tokens
from tests.support.rest import PATH, as_


@pytest.mark.parametrize(
    "path",
    ["", "{id}/", "{id}/history/", "{id}/qr.svg", "{id}/calendar.ics", "../households/me/"],
)
def test_personal_answers_are_not_stored(client: APIClient, household: Any, path: str) -> None:
    registration = b.register(household, factories.EventSlotFactory())

    answer = as_(client, tokens.of_household(household)).get(
        (PATH + path.format(id=registration.pk)).replace("registrations/../", "")
    )

    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


def test_refusals_are_not_stored(client: APIClient) -> None:
    assert client.get(PATH)["Cache-Control"] == "no-store"


def test_exports_are_not_stored(household: Any) -> None:
    b.register(household, factories.EventSlotFactory())

    answer = desk.log_in("Coordinator").get("/admin/registrations/eventregistration/export/csv/")

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
