"""People at the desk read pages, programs read problem documents."""

import pytest
from django.test import Client

from freshtrak.api import errors
from registrations.models import EventRegistration
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def registration() -> EventRegistration:
    slot = factories.EventSlotFactory(event_hour__event_date__event_date_key=factories.in_days(0))
    return b.register(factories.households(1)[0], slot)


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_the_name_of_the_server_leads_to_the_desk(path: str) -> None:
    answer = Client().get(path, follow=True)

    assert [step for step, _ in answer.redirect_chain] == ["/admin/", "/admin/login/?next=/admin/"]
    assert "Username" in desk.text_of(answer)


def test_a_missing_page_of_the_desk_is_a_page() -> None:
    answer = desk.log_in("Front desk").get("/admin/no-such-page/")

    assert answer.status_code == 404
    assert "There is no such page" in desk.text_of(answer)


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/nothing/", "/nothing/"])
def test_elsewhere_a_missing_address_is_a_problem_document(path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == errors.CONTENT_TYPE


def test_an_error_of_ours_is_a_page_with_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    anna = desk.log_in("Front desk")
    anna.raise_request_exception = False
    monkeypatch.setattr("registrations.queries.occupancy.between", broken)

    answer = anna.get(f"{desk.LIST}days/", headers={"X-Request-ID": "r-17"})

    assert answer.status_code == 500
    assert "Something went wrong here" in desk.text_of(answer)
    assert "this number: r-17" in desk.text_of(answer)


def test_a_form_that_is_out_of_date_is_a_page_with_the_way_back(
    registration: EventRegistration,
) -> None:
    anna = Client(enforce_csrf_checks=True)
    anna.cookies = desk.log_in("Front desk").cookies
    day = f"{desk.LIST}days/{registration.event_date_id}/"

    answer = anna.post(
        f"{day}check-in/",
        {"registration": registration.pk},
        headers={"Referer": f"http://testserver{day}?q=Family"},
    )

    assert answer.status_code == 403
    assert "This page is out of date Nothing was changed." in desk.text_of(answer)
    assert f'href="{day}?q=Family"' in answer.content.decode()
    assert b.status_of(registration) == "confirmed"


def test_a_link_back_never_leads_elsewhere() -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/admin/login/", {}, headers={"Referer": "http://evil.example/admin/"})

    assert answer.status_code == 403
    assert "evil" not in answer.content.decode()
    assert 'href="/admin/"' in answer.content.decode()


def test_beside_the_desk_a_csrf_failure_is_a_problem_document() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/errors/")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
