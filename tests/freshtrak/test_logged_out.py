"""A session that ends between two clicks: nothing is done, and the person is told and led back."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from registrations.models import EventRegistration
from tests.support import booking as b
from tests.support import desk, factories

NOTHING_DONE = "You were logged out. Nothing was changed; please do it again."


@pytest.fixture
def registration() -> EventRegistration:
    slot = factories.EventSlotFactory(event_hour__event_date__event_date_key=factories.in_days(0))
    return b.register(factories.households(1)[0], slot)


@pytest.fixture
def anna() -> Client:
    """Logged in at the front desk, until her session is deleted."""
    desk.member("Front desk", "anna", password="right horse")
    client = Client()
    assert client.login(username="anna", password="right horse", request=_request())
    Session.objects.all().delete()
    return client


def _request() -> Any:
    from django.test import RequestFactory

    return RequestFactory().post("/admin/login/")


def _log_in(client: Client, answer: Any) -> Any:
    """Fills in the form that the answer leads to."""
    form = client.get(answer["Location"])
    assert "You were logged out. Nothing was changed: log in again." in desk.text_of(form)
    return client.post(
        answer["Location"],
        {"username": "anna", "password": "right horse", "next": form.context["next"]},
    )


@pytest.mark.parametrize("button", ["check-in", "undo", "close-out"])
def test_back_on_the_page_it_was_sent_from(
    anna: Client, registration: EventRegistration, button: str
) -> None:
    day = f"{desk.LIST}days/{registration.event_date_id}/"

    answer = anna.post(
        f"{day}{button}/",
        {"registration": registration.pk},
        headers={"Referer": f"http://testserver{day}?q=Family"},
    )
    logged_in = _log_in(anna, answer)

    assert logged_in["Location"] == f"{day}?q=Family"
    page = desk.text_of(anna.get(logged_in["Location"]))
    assert NOTHING_DONE in page
    assert "Found for “" in page
    assert b.status_of(registration) == "confirmed"
    assert NOTHING_DONE not in desk.text_of(anna.get(day))  # said once


def test_without_a_referer_the_form_says_where_it_was(
    anna: Client, registration: EventRegistration
) -> None:
    day = f"{desk.LIST}days/{registration.event_date_id}/"
    data = {"registration": registration.pk}

    named = anna.post(f"{day}check-in/", {**data, "next": f"{day}?page=2"})
    unnamed = anna.post(f"{day}check-in/", data, headers={"Referer": "http://evil.example/"})

    assert _log_in(anna, named)["Location"] == f"{day}?page=2"
    anna.logout()
    back = anna.get(_log_in(anna, unnamed)["Location"])
    assert (back.status_code, back["Location"]) == (302, day)
    assert NOTHING_DONE in desk.text_of(anna.get(day))


def test_who_logged_in_elsewhere_meanwhile_is_led_back_too(
    anna: Client, registration: EventRegistration
) -> None:
    day = f"{desk.LIST}days/{registration.event_date_id}/"
    answer = anna.post(f"{day}check-in/", {"registration": registration.pk, "next": day})
    _log_in(anna, answer)  # in another tab
    anna.get(day)

    reloaded = anna.get(answer["Location"])

    assert reloaded["Location"] == day
    assert NOTHING_DONE in desk.text_of(anna.get(day))


def test_a_page_that_was_only_opened_needs_no_word(
    anna: Client, registration: EventRegistration
) -> None:
    day = f"{desk.LIST}days/{registration.event_date_id}/"

    answer = anna.get(day)

    assert answer["Location"] == f"/admin/login/?next={day}"
    assert "You were logged out" not in desk.text_of(anna.get(answer["Location"]))


def test_logging_out_twice_is_no_loss(anna: Client) -> None:
    answer = anna.post("/admin/logout/", follow=True)

    assert "Username" in desk.text_of(answer)
    assert "You were logged out" not in desk.text_of(answer)
