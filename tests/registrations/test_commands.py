import subprocess
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from registrations import demo
from registrations.models import EventRegistration, Household, IdempotencyRecord
from schedules.models import Event, EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories, processes
from tests.support.victims import kill_at


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
def test_issue_token_needs_one_valid_owner(options: list[str]) -> None:
    with pytest.raises(CommandError):
        _output("issue_token", *options)


def test_promote_waitlist_after_capacity_was_raised() -> None:
    slot, day = factories.EventSlotFactory(capacity=0), factories.EventDateFactory(capacity=0)
    for household in factories.households(3):
        b.register(household, slot)
        b.register(household, day)
    EventSlot.objects.update(capacity=2)
    EventDate.objects.update(capacity=1)

    one_date = _output("promote_waitlist", event_date_id=day.pk)
    everywhere = _output("promote_waitlist")
    again = _output("promote_waitlist")

    assert one_date.startswith("1 promoted, 0 places busy")
    assert everywhere.startswith("2 promoted")
    assert again.startswith("0 promoted")
    assert (b.reserved(slot), b.reserved(day)) == (2, 1)
    assert b.drift() == {}


def test_purge_deletes_what_is_older_than_a_day() -> None:
    for hours in (1, 23, 25, 48):
        IdempotencyRecord(
            digest=str(hours),
            fingerprint="f",
            status=201,
            body={},
            created_at=timezone.now() - timedelta(hours=hours),
        ).save()

    assert _output("purge_idempotency_keys") == "2 deleted\n"
    assert set(IdempotencyRecord.objects.values_list("digest", flat=True)) == {"1", "23"}


@pytest.mark.parametrize(
    "command",
    [
        ["settle"],
        ["promote_waitlist"],
        ["purge_idempotency_keys"],
        ["adopt"],
        ["reconcile_reserved", "--check"],
    ],
)
def test_unavailable_database_gives_one_line_and_an_exit_status(command: list[str]) -> None:
    nowhere = "mysql://nobody:x@127.0.0.1:9/"
    environment = {
        **processes.environment(),
        "PRIVATE_DATABASE_URL": f"{nowhere}private",
        "PUBLIC_DATABASE_URL": f"{nowhere}public",
    }

    ended = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 3
    assert "A database does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr
