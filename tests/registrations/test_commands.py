from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from registrations import demo
from registrations.models import EventRegistration, Household
from schedules.models import Event
from tests import booking as b
from tests import factories
from tests.processes import kill_at


def _output(*command: Any, **options: Any) -> str:
    out = StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


@pytest.mark.real_commits
def test_settle_says_how_many() -> None:
    slot = factories.EventSlotFactory()
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)

    assert _output("settle") == "1 settled, 0 left for the next run\n"
    assert _output("settle") == "0 settled, 0 left for the next run\n"


def test_seed_demo_looks_real_and_is_exact() -> None:
    line = _output("seed_demo", address="http://here")

    assert b.drift() == {}
    assert b.oversold() == {}
    assert Event.objects.public(timezone.now()).count() == 3
    assert EventRegistration.objects.waiting().count() >= 3
    assert EventRegistration.objects.filter(event_slot_id=None).exists()
    assert "curl -i http://here/api/v1/registrations/" in line


def test_seed_demo_again_adds_nothing() -> None:
    _output("seed_demo")
    before = (Household.objects.count(), EventRegistration.objects.count())

    _output("seed_demo")

    assert (Household.objects.count(), EventRegistration.objects.count()) == before


def test_seed_demo_refuses_a_database_that_is_not_its_own() -> None:
    factories.EventFactory()

    with pytest.raises(CommandError, match="not the demo's"):
        _output("seed_demo")

    assert not Household.objects.exists()


def test_seed_demo_when_its_month_is_over(time_machine: Any) -> None:
    _output("seed_demo")
    time_machine.move_to(timezone.now() + timedelta(days=40))

    assert "month is over" in _output("seed_demo")
    assert demo.something_to_book(timezone.now()) is None


@pytest.mark.parametrize("options", [[], ["--household", "1", "--staff"], ["--household", "x"]])
def test_issue_token_needs_to_know_whose(options: list[str]) -> None:
    with pytest.raises(CommandError):
        _output("issue_token", *options)
