"""A log-in on a shared tablet ends after a shift, and when nobody touches the tablet."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from tests.support import desk, factories

PAGE = "/admin/registrations/eventregistration/"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(factories.NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def anna() -> Client:
    """Logged in through the form."""
    cache.clear()
    desk.member("Front desk", "anna", password="right horse")
    client = Client()
    client.post("/admin/login/", {"username": "anna", "password": "right horse"})
    return client


def _is_logged_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_a_log_in_ends_after_a_shift_however_busy(clock: Any, anna: Client) -> None:
    for _ in range(12 * 2 - 1):
        clock.shift(timedelta(minutes=30))
        assert _is_logged_in(anna)

    clock.shift(timedelta(minutes=30))

    assert not _is_logged_in(anna)
    assert not Session.objects.exists()


def test_a_tablet_that_nobody_touches_is_logged_out(clock: Any, anna: Client) -> None:
    clock.shift(timedelta(minutes=59))
    assert _is_logged_in(anna)
    clock.shift(timedelta(minutes=59, seconds=59))
    assert _is_logged_in(anna)

    clock.shift(timedelta(minutes=60))

    answer = anna.get(PAGE)
    assert answer["Location"] == f"/admin/login/?next={PAGE}"


def test_what_the_day_view_asks_by_itself_keeps_nobody_logged_in(clock: Any, anna: Client) -> None:
    slot = factories.EventSlotFactory(event_hour__event_date__event_date_key=factories.in_days(0))
    counters = f"{PAGE}days/{slot.event_hour.event_date_id}/counters/"
    for _ in range(6):
        assert anna.get(counters).status_code == 200
        clock.shift(timedelta(minutes=10))

    assert anna.get(counters).status_code == 302


def test_the_settings_say_how_long(clock: Any, anna: Client, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 5
    clock.shift(timedelta(minutes=5))

    assert not _is_logged_in(anna)


def test_the_cookie_ends_with_the_browser(anna: Client) -> None:
    cookie = anna.cookies["sessionid"]

    assert (cookie["max-age"], cookie["expires"]) == ("", "")


def test_being_seen_is_written_once_a_minute(clock: Any, anna: Client) -> None:
    def seen() -> int:
        return int(Session.objects.get().get_decoded()["log_in"]["seen"])

    began = seen()
    clock.shift(timedelta(seconds=59))
    _is_logged_in(anna)
    assert seen() == began
    clock.shift(timedelta(seconds=1))
    _is_logged_in(anna)
    assert seen() == began + 60


def test_what_is_sent_after_the_end_is_not_done_and_leads_back(clock: Any, anna: Client) -> None:
    clock.shift(timedelta(hours=2))

    answer = anna.post(PAGE, {"action": "cancel"}, headers={"Referer": f"http://testserver{PAGE}"})
    form = anna.get(answer["Location"])

    assert "You were logged out. Nothing was changed: log in again." in desk.text_of(form)
    assert form.context["next"] == PAGE
