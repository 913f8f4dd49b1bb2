"""After a SIGKILL at any point of the protocol, what is left settles to exact counters."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from freshtrak.databases import PUBLIC
from registrations.models import EventRegistration, Ledger
from registrations.services import settlement
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import factories
from tests.support.victims import kill_at

pytestmark = pytest.mark.real_commits

# Where a process dies, and whether the decision was durable by then.
POINTS = [("before-private-commit", False), ("between-commits", True), ("before-mark", True)]


def _elsewhere(slot: Any, delta: int, *, sets_last_update: bool) -> None:
    """Another system writes the counter."""
    stamp = "CURRENT_TIMESTAMP" if connections[PUBLIC].vendor == "sqlite" else "NOW()"
    also = f", last_update = {stamp}" if sets_last_update else ""
    with connections[PUBLIC].cursor() as cursor:
        cursor.execute(
            f"UPDATE event_slots SET reserved = reserved + %s{also} WHERE event_slot_id = %s",
            [delta, slot.pk],
        )


def _age_pending_movements() -> None:
    """Moves everything written so far a minute into the past: no owner lives that long."""
    pending = Ledger.objects.filter(pending_since__isnull=False)
    ago = timedelta(seconds=60)
    pending.update(
        last_update_written=F("last_update_written") - ago,
        last_update_seen=F("last_update_seen") - ago,
    )
    EventSlot.objects.update(last_update=F("last_update") - ago)


@pytest.mark.parametrize(("point", "durable"), POINTS)
def test_killed_registration_is_settled_by_the_command(point: str, durable: bool) -> None:
    slot = factories.EventSlotFactory(capacity=5)
    (household,) = factories.households(1)

    kill_at(point, "register", household.pk, slot.pk)
    settlement.settle_all()

    assert EventRegistration.objects.count() == durable
    assert b.reserved(slot) == durable
    assert b.drift() == {}
    assert b.pending() == 0


@pytest.mark.parametrize(("point", "durable"), POINTS)
def test_killed_registration_is_settled_by_the_next_operation(point: str, durable: bool) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    first, second, third = factories.households(3)

    kill_at(point, "register", first.pk, slot.pk)
    newcomers = [b.register(second, slot), b.register(third, slot)]

    assert [b.status_of(each) for each in newcomers] == [
        "confirmed",
        "waitlisted" if durable else "confirmed",
    ]
    assert b.reserved(slot) == 2
    assert b.drift() == {}


@pytest.mark.parametrize(("point", "durable"), POINTS)
def test_killed_cancellation_is_settled(point: str, durable: bool) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, newcomer = factories.households(2)
    registration = b.register(holder, slot)

    kill_at(point, "cancel", registration.pk)
    following = b.register(newcomer, slot)

    assert b.status_of(registration) == ("cancelled" if durable else "confirmed")
    assert b.status_of(following) == ("confirmed" if durable else "waitlisted")
    assert b.drift() == {}


@pytest.mark.parametrize(("point", "durable"), POINTS)
def test_killed_move_is_settled_at_both_slots(point: str, durable: bool) -> None:
    hour = factories.EventHourFactory()
    old, new = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=1)
    (household,) = factories.households(1)
    registration = b.register(household, old)

    kill_at(point, "move", registration.pk, new.pk)
    settlement.settle_all()

    assert (b.reserved(old), b.reserved(new)) == ((0, 1) if durable else (1, 0))
    assert b.drift() == {}


@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_settling_itself_can_be_killed(point: str) -> None:
    slot = factories.EventSlotFactory(capacity=5)
    (household,) = factories.households(1)

    kill_at("between-commits", "register", household.pk, slot.pk)
    for _ in range(2 if point == "between-commits" else 1):
        _age_pending_movements()
        kill_at(point, "settle")
    settlement.settle_all()

    assert b.reserved(slot) == 1
    assert b.drift() == {}
    assert b.ambiguities() == 0


@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_other_system_writing_in_the_gap_without_a_stamp_leaves_no_doubt(point: str) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)

    kill_at(point, "register", household.pk, slot.pk)
    _elsewhere(slot, +3, sets_last_update=False)
    settlement.settle_all()

    assert b.drift({slot.pk: 3}) == {}
    assert b.ambiguities() == 0


@pytest.mark.parametrize(
    ("operation", "point", "reserved"),
    [
        ("register", "between-commits", 3 + 1),  # exact: it was not applied, now it is
        ("register", "before-mark", 3 + 2),  # undersold by one: no one could know
        ("cancel", "between-commits", 3 + 1),  # undersold by one: the place stays counted
        ("cancel", "before-mark", 3 + 0),  # exact
    ],
)
def test_other_system_writing_in_the_gap_can_only_undersell(
    operation: str, point: str, reserved: int
) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    ids = [household.pk, slot.pk]
    if operation == "cancel":
        ids = [b.register(household, slot).pk]

    kill_at(point, operation, *ids)
    _elsewhere(slot, +3, sets_last_update=True)
    _age_pending_movements()
    settlement.settle_all()

    assert b.reserved(slot) == reserved
    assert b.ambiguities() == 1
    assert b.pending() == 0


def test_doubt_is_left_alone_while_the_owner_may_be_alive_and_then_settled() -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)
    _elsewhere(slot, +3, sets_last_update=True)

    assert settlement.settle_all(patience=0) == (0, 1)
    assert b.reserved(slot) == 3

    b.settle_all()
    assert b.drift({slot.pk: 3}) == {}


@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_settling_in_doubt_can_be_killed_and_still_reports_the_doubt(point: str) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)
    _elsewhere(slot, +3, sets_last_update=True)
    _age_pending_movements()

    kill_at(point, "settle")
    b.settle_all()

    assert b.drift({slot.pk: 3}) == {}
    assert b.ambiguities() == 1


def test_death_at_a_slot_deleted_later_leaves_the_date_counted() -> None:
    slot = factories.EventSlotFactory(capacity=5)
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)
    EventSlot.objects.all().delete()
    Ledger.objects.update(pending_since=F("pending_since") - timedelta(seconds=60))

    settlement.settle_all()

    assert b.reserved(slot.event_hour.event_date) == 1
    assert b.ambiguities() == 1
    assert b.pending() == 0


def test_cancellation_that_promotes_has_nothing_to_settle() -> None:
    slot = factories.EventSlotFactory(capacity=1)
    holder, waiting = factories.households(2)
    registration = b.register(holder, slot)
    waits = b.register(waiting, slot)

    kill_at("after-private-commit", "cancel", registration.pk)

    assert b.pending() == 0
    assert b.status_of(waits) == "confirmed"
    assert b.drift() == {}


@pytest.mark.parametrize("point", ["between-commits", "before-mark"])
def test_without_settling_a_killed_registration_stays_unsettled(point: str) -> None:
    """The control: a death at these points does leave something to settle."""
    slot = factories.EventSlotFactory(capacity=5)
    (household,) = factories.households(1)

    kill_at(point, "register", household.pk, slot.pk)

    assert b.pending() == 1
    assert b.reserved(slot) == (0 if point == "between-commits" else 1)


@pytest.mark.parametrize("doubt", [False, True])
def test_second_settler_does_not_apply_again_what_the_first_is_about_to_mark(doubt: bool) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    kill_at("between-commits", "register", household.pk, slot.pk)
    if doubt:
        _elsewhere(slot, +1, sets_last_update=True)
    _age_pending_movements()

    kill_at("before-mark", "settle")  # to everyone else it may still be alive
    applied = b.reserved(slot)
    _elsewhere(slot, 0, sets_last_update=True)

    assert settlement.settle_all(patience=0) == (0, 1)
    assert b.reserved(slot) == applied == 1 + doubt
