"""Adopting an existing installation loses no row, and bookings work at once."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from freshtrak.databases import PRIVATE
from registrations.models import EventRegistration, EventStatus, Household, Status
from registrations.services.adoption import Why
from tests.freshtrak.test_migrations import fill, other_database
from tests.support import booking as b
from tests.support import factories

assert other_database  # a fixture


def _adopt(*options: str) -> str:
    out = StringIO()
    call_command("adopt", *options, stdout=out)
    return out.getvalue()


def _listed(*options: str) -> dict[int, str]:
    lines = _adopt("--json", *options).splitlines()
    return {row["registration_id"]: row["why"] for row in map(json.loads, lines)}


def _old(slot_id: int, status: str | None, household: Household | None) -> EventRegistration:
    """A registration as it is right after `migrate`."""
    row = EventStatus.objects.filter(name=status).first()
    if status and row is None:
        row = EventStatus.objects.create(name=status)
    return EventRegistration.objects.create(
        household=household, event_slot_id=slot_id, event_status=row
    )


def test_each_is_placed_or_listed_with_its_reason() -> None:
    slot = factories.EventSlotFactory(capacity=9)
    other = factories.EventSlotFactory(event_hour=slot.event_hour)
    one, two, three, four, five = factories.households(5)
    confirmed, cancelled, waits, here = (
        _old(slot.pk, status, household)
        for status, household in zip(
            ("confirmed", "Cancelled", "Waitlisted", "Checked In"),
            (one, two, three, four),
            strict=True,
        )
    )
    without_household = _old(slot.pk, "confirmed", None)
    gone = _old(4711, "confirmed", five)
    odd = _old(slot.pk, "Perhaps", five)
    none = _old(slot.pk, None, five)
    second = _old(other.pk, "confirmed", one)
    before = list(EventRegistration.objects.values("pk", "updated_at", "event_status_id"))

    dry = _listed("--dry-run")
    untouched = EventRegistration.objects.exclude(event_date_id=None).count()
    listed = _listed()

    assert (
        dry
        == listed
        == {
            without_household.pk: "no_household",
            gone.pk: "slot_gone",
            odd.pk: "unknown_status",
            none.pk: "unknown_status",
            second.pk: "second_of_day",
        }
    )
    assert untouched == 0
    day = slot.event_hour.event_date
    for row in (confirmed, cancelled, waits, here, without_household):
        row.refresh_from_db()
        assert (row.event_date_id, row.event_id) == (day.pk, day.event_id)
    assert cancelled.cancelled_at == cancelled.updated_at
    assert waits.waitlisted_at == waits.created_at
    assert here.checked_in_at == here.updated_at
    after = list(EventRegistration.objects.values("pk", "updated_at", "event_status_id"))
    assert after == before


def test_a_second_run_continues_with_what_is_left() -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    first, second = (_old(slot.pk, "confirmed", household) for _ in range(2))
    assert _listed() == {second.pk: "second_of_day"}

    b.cancel(first)
    assert _listed() == {}

    second.refresh_from_db()
    assert second.event_date_id == slot.event_hour.event_date_id
    assert _adopt() == "0 are placed; 0 cannot take part.\n"


def test_a_dry_run_knows_what_was_booked_since(household: Household) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    b.register(household, slot)
    old = _old(slot.pk, "confirmed", household)

    assert _listed("--dry-run") == _listed() == {old.pk: "second_of_day"}


def test_output_says_what_is_wrong_and_what_to_do() -> None:
    _old(4711, "confirmed", None)

    output = _adopt("--dry-run")

    assert f"slot 4711, confirmed: {Why.SLOT_GONE}" in output
    assert "0 would be placed; 1 cannot take part." in output


def test_status_aliases_give_unknown_names_a_meaning(settings: Any) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    row = _old(slot.pk, "Signed Up", factories.households(1)[0])
    assert _listed("--dry-run") == {row.pk: "unknown_status"}

    settings.STATUS_ALIASES = {"signed_up": "confirmed", "cancelled": "confirmed", "x": "nonsense"}
    assert Status.parse("Cancelled") is Status.CANCELLED
    assert Status.parse("x") is None

    assert _listed() == {}
    row.refresh_from_db()
    assert row.status == "confirmed"


@pytest.mark.mariadb
@pytest.mark.real_commits
def test_an_adopted_installation_takes_bookings_at_once(other_database: Any, settings: Any) -> None:
    """The documented path: dry run, migrate, adopt, the first reconcile."""
    settings.STATUS_ALIASES = {"registered": "confirmed"}
    slot = factories.EventSlotFactory(capacity=3, reserved=9)
    fill(other_database, slot.pk, gone=4711)

    dry = _listed("--dry-run")
    call_command("migrate", verbosity=0)
    listed = _listed()
    call_command("reconcile_reserved", "--fix", "--allowance=0", stdout=StringIO())

    assert dry == listed == {3: "slot_gone", 4: "no_household", 5: "unknown_status"}
    assert EventRegistration.objects.count() == 5
    assert b.reserved(slot) == 2  # the registered one, and the one without a household
    household = Household.objects.create(number=9, name="New", identification_code="N")
    factories.MemberFactory(household=household)
    assert str(b.register(household, slot).event_status) == "Registered"
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM event_registrations WHERE active = 1")
        assert cursor.fetchone() == (5,)
