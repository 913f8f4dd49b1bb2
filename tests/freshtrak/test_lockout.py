"""After wrong passwords: until when, and who can end it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from freshtrak import lockout
from tests.support import desk


@pytest.fixture
def ben() -> Any:
    return desk.member("Front desk", "ben", password="right horse")


def _log_in(password: str, browser: str = "Chromium") -> Any:
    return Client(headers={"User-Agent": browser}).post(
        "/admin/login/?next=/admin/", {"username": "ben", "password": password}
    )


def test_the_page_says_when_it_ends_and_trying_again_does_not_prolong_it(ben: Any) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:  # noon
        for _ in range(5):
            locked = _log_in("wrong")
        clock.shift(timedelta(minutes=10))
        later = _log_in("right horse")
        clock.shift(timedelta(minutes=5, seconds=1))
        free = _log_in("right horse")

    for answer in (locked, later):
        assert answer.status_code == 429
        assert "Log-in as ben from here is locked until 12:16 p.m." in desk.text_of(answer)
    assert (locked["Retry-After"], later["Retry-After"]) == ("900", "300")
    assert free.status_code == 302


def test_it_ends_when_enough_failures_of_all_browsers_are_forgotten(ben: Any) -> None:
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        for _ in range(3):
            _log_in("wrong", "Chromium")
        clock.shift(timedelta(minutes=4))
        for _ in range(2):
            _log_in("wrong", "Firefox")

        assert lockout.locks() == [lockout.Lock("ben", "127.0.0.1", began + timedelta(minutes=15))]
        clock.shift(timedelta(minutes=11, seconds=1))
        assert lockout.locks() == []
        assert _log_in("right horse").status_code == 302


def test_an_administrator_unlocks(ben: Any) -> None:
    ada = desk.log_in("Administrator", "ada")
    for _ in range(5):
        _log_in("wrong")
    other = AccessAttempt.objects.create(
        username="cid", ip_address="10.0.0.7", failures_since_start=5
    )
    locked = desk.text_of(ada.get("/admin/auth/user/locked/"))

    with capture_logs() as lines:
        answer = ada.post(
            "/admin/auth/user/locked/",
            {"username": "ben", "ip_address": "127.0.0.1"},
            follow=True,
        )

    assert "ben from 127.0.0.1, until 12:16 p.m." in locked
    assert "Ben can log in again." in desk.text_of(answer)
    assert "cid from 10.0.0.7" in desk.text_of(answer)
    assert _log_in("right horse").status_code == 302
    assert AccessAttempt.objects.get() == other
    by = get_user_model().objects.get(username="ada").pk
    (line,) = [line for line in lines if line["event"] == "log_in_unlocked"]
    assert (line["user_id"], line["actor"]) == (ben.pk, f"staff:{by}")
    assert "ben" not in str(line.values())


def test_unlocking_twice_says_so(ben: Any) -> None:
    answer = desk.log_in("Administrator").post(
        "/admin/auth/user/locked/", {"username": "ben", "ip_address": "127.0.0.1"}, follow=True
    )

    assert "Ben is no longer locked." in desk.text_of(answer)


@pytest.mark.parametrize("group", ["Front desk", "Coordinator"])
def test_nobody_else_unlocks(group: str) -> None:
    AccessAttempt.objects.create(username="ben", ip_address="127.0.0.1", failures_since_start=5)
    client = desk.log_in(group)

    answer = client.post("/admin/auth/user/locked/", {"username": "ben", "ip_address": "127.0.0.1"})

    assert answer.status_code == 403
    assert AccessAttempt.objects.count() == 1
