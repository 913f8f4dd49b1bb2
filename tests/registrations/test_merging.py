"""Two households become one: nothing is lost, no place moves."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from audit.models import AuditEvent
from registrations.errors import (
    AlreadyRegistered,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationError,
    RegistrationsCollide,
)
from registrations.models import EventRegistration, Household, HouseholdProfile, Note
from registrations.queries import households
from registrations.services import (
    attendance,
    attendees,
    booking_rules,
    enrolment,
    merging,
    notes,
)
from registrations.services.enrolment import Person
from tests.support import booking as b
from tests.support import factories, rest, tokens


@pytest.fixture
def okafor() -> Household:
    """The one that stays."""
    head = Person("Ama", "Okafor", date(1980, 2, 3))
    return enrolment.enrol(head=head, members=[Person("Kofi")], by=b.STAFF)


@pytest.fixture
def again() -> Household:
    """The same people, entered once more."""
    head = Person("Ama", "Okafor")
    return enrolment.enrol(head=head, members=[Person("Esi")], zip_code="43215", by=b.STAFF)


def _merge(merged: Household, into: Household, **options: Any) -> Household:
    return merging.merge(merged.pk, into_id=into.pk, by=b.STAFF, **options)


def _state() -> list[dict[str, Any]]:
    """All registrations, without what a merge changes."""
    changing = {"household_id", "updated_at", "last_updated_by"}
    rows = EventRegistration.objects.order_by("pk").values()
    return [{name: row[name] for name in row if name not in changing} for row in rows]


def test_merge_keeps_every_registration_and_moves_no_place(
    okafor: Household, again: Household
) -> None:
    slots = factories.EventSlotFactory.create_batch(4, capacity=1)
    cancelled = b.register(again, slots[0])
    b.cancel(cancelled)
    b.register(okafor, slots[0])  # on the date of one that is cancelled
    came, confirmed = (b.register(again, slot) for slot in slots[1:3])
    attendance.check_in(came, override_reason="early", by=b.STAFF)
    b.register(factories.households(1)[0], slots[3])
    waiting = b.register(again, slots[3])
    before, reserved = _state(), [b.reserved(slot) for slot in slots]
    moved = [row.pk for row in (cancelled, came, confirmed, waiting)]

    merged = _merge(again, okafor)

    assert merged == okafor
    assert _state() == before
    assert [b.reserved(slot) for slot in slots] == reserved
    assert b.drift() == {}
    of_okafor = EventRegistration.objects.filter(household=okafor).order_by("pk")
    assert set(of_okafor.values_list("pk", flat=True)) >= set(moved)
    assert not EventRegistration.objects.filter(household=again).exists()
    assert b.queue(slots[3]) == [okafor.pk]
    for pk in moved:
        last = AuditEvent.objects.filter(registration_id=pk).order_by("pk").last()
        assert last is not None
        assert (last.action, last.household_id, last.delta) == ("household_merged", okafor.pk, 0)
        assert last.details == {"merged_household": again.pk}


def test_merge_moves_members_and_deletes_the_household(okafor: Household, again: Household) -> None:
    ama, kofi = okafor.members.order_by("pk")
    same, esi = again.members.order_by("pk")
    type(same).objects.filter(pk=same.pk).update(user_id=4711)

    _merge(again, okafor, duplicates={same.pk: ama.pk})

    again.refresh_from_db()
    assert (again.is_deleted, again.deleted_by) == (True, int(b.STAFF.id))
    assert HouseholdProfile.objects.get(household=again).merged_into == okafor
    _, active = households.household_with_members(okafor.pk)
    assert active == [ama, kofi, esi]
    assert list(okafor.members.filter(is_active=False)) == [same]
    assert okafor.members.get(is_head_of_household=True) == ama
    assert okafor.members.get(pk=ama.pk).user_id == 4711
    facts = AuditEvent.objects.filter(action="household_merged", registration_id=None)
    assert {event.household_id: event.details for event in facts} == {
        okafor.pk: {
            "merged_household": again.pk,
            "registrations": [],
            "members": [same.pk, esi.pk],
            "duplicates": {str(same.pk): ama.pk},
        },
        again.pk: {"into_household": okafor.pk},
    }


def test_merge_joins_notes_and_keeps_or_takes_the_zip_code(
    okafor: Household, again: Household
) -> None:
    write = partial(notes.write_standing, seen={}, by=b.STAFF)
    write(okafor.pk, texts={"allergy": "nuts", "language": "Twi"})
    write(again.pk, texts={"allergy": "fish", "language": "Twi", "delivery": "2nd floor"})

    _merge(again, okafor)

    texts = Note.objects.order_by("kind").values_list("household_id", "kind", "text")
    assert list(texts) == [
        (okafor.pk, "allergy", "nuts; fish"),
        (okafor.pk, "delivery", "2nd floor"),
        (okafor.pk, "language", "Twi"),
    ]
    assert HouseholdProfile.objects.get(household=okafor).zip_code == "43215"


def test_merge_of_two_on_one_date_is_refused(okafor: Household, again: Household) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    own, other = b.register(okafor, slot), b.register(again, slot)

    with pytest.raises(RegistrationsCollide):
        _merge(again, okafor)

    assert households.collisions(okafor.pk, again.pk) == [(own, other)]
    again.refresh_from_db()
    assert (again.is_deleted, again.members.count()) == (False, 2)
    b.cancel(other)
    _merge(again, okafor)
    assert (b.reserved(slot), b.drift()) == (1, {})


def test_merge_refuses_itself_strangers_and_the_deleted(
    okafor: Household, again: Household
) -> None:
    stranger = factories.MemberFactory()
    ama, same = okafor.members.order_by("pk")[0], again.members.order_by("pk")[0]

    with pytest.raises(InvalidRequest):
        _merge(okafor, okafor)
    for wrong in ({stranger.pk: ama.pk}, {same.pk: stranger.pk}):
        with pytest.raises(InvalidRequest):
            _merge(again, okafor, duplicates=wrong)
    _merge(again, okafor)
    for pair in ((again, okafor), (okafor, again)):
        with pytest.raises(HouseholdNotResolved):
            _merge(*pair)


def test_tokens_of_the_merged_household_open_nothing(
    client: APIClient, okafor: Household, again: Household
) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    registration = b.register(again, slot)
    esi = again.members.order_by("pk")[1]
    type(esi).objects.filter(pk=esi.pk).update(user_id=4711)
    _merge(again, okafor)

    by_id = rest.as_(client, tokens.of_household(again))
    assert rest.problem(by_id.get("/api/v1/households/me/")) == (403, "household_not_resolved")
    assert by_id.get(rest.PATH).json()["count"] == 0
    assert rest.problem(by_id.get(f"{rest.PATH}{registration.pk}/")) == (404, "not_found")

    by_user = rest.as_(APIClient(), tokens.bearer(sub="4711"))
    assert by_user.get("/api/v1/households/me/").json()["id"] == okafor.pk


# At once --------------------------------------------------------------------------------


def _outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except RegistrationError as refusal:
        return refusal.code
    return "done"


def _apart(call: Callable[[], object]) -> "Future[object]":
    """Runs a call in a thread with connections of its own."""

    def work() -> object:
        try:
            return call()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


@pytest.mark.real_commits
def test_of_two_opposite_merges_one_is_refused(okafor: Household, again: Household) -> None:
    outcomes = b.in_parallel(
        partial(_outcome, partial(_merge, okafor, again)),
        partial(_outcome, partial(_merge, again, okafor)),
    )

    assert sorted(outcomes) == ["done", HouseholdNotResolved.code]
    assert Household.objects.filter(deleted_on=None).count() == 1


@pytest.fixture
def merged_while_booking(
    monkeypatch: pytest.MonkeyPatch, okafor: Household, again: Household
) -> None:
    """A merge that happens when a booking has read its members, and before it locks anything."""
    bookable = booking_rules.bookable
    merges = [partial(_merge, again, okafor)]

    def merge_first(*args: Any, **kwargs: Any) -> Any:
        if merges:
            _apart(merges.pop()).result(30)
        return bookable(*args, **kwargs)

    monkeypatch.setattr(booking_rules, "bookable", merge_first)


@pytest.mark.real_commits
@pytest.mark.usefixtures("merged_while_booking")
def test_a_booking_that_a_merge_overtakes_finds_no_household(again: Household) -> None:
    slot = factories.EventSlotFactory(capacity=2)

    with pytest.raises(HouseholdNotResolved):
        b.register(again, slot)

    assert EventRegistration.objects.count() == 0
    assert (b.reserved(slot), b.drift()) == (0, {})


@pytest.mark.real_commits
@pytest.mark.usefixtures("merged_while_booking")
def test_control_without_the_guard_a_deleted_household_gets_a_place(
    monkeypatch: pytest.MonkeyPatch, again: Household
) -> None:
    guard = "AND member.household_id = %s AND member.is_active = 1"
    assert guard in attendees._INSERT
    monkeypatch.setattr(
        attendees, "_INSERT", attendees._INSERT.replace(guard, "AND %s IS NOT NULL")
    )

    registration = b.register(again, factories.EventSlotFactory(capacity=2))

    assert registration.household_id == again.pk
    assert Household.objects.get(pk=again.pk).is_deleted


@pytest.mark.real_commits
def test_a_merge_waits_for_a_booking_that_is_under_way(okafor: Household, again: Household) -> None:
    slot = factories.EventSlotFactory(capacity=2)
    merges: list[Future[object]] = []

    def before_commit(details: object) -> None:
        merges.append(_apart(partial(_merge, again, okafor)))
        assert not wait(merges, timeout=1).done, "the merge did not wait"

    registration = b.register(again, slot, before_commit=before_commit)
    merges[0].result(30)

    registration.refresh_from_db()
    assert registration.household_id == okafor.pk
    assert Household.objects.get(pk=again.pk).is_deleted
    assert (b.reserved(slot), b.drift()) == (1, {})


@pytest.mark.real_commits
def test_a_booking_and_a_merge_that_collide_leave_one_on_the_date(
    okafor: Household, again: Household
) -> None:
    hour = factories.EventHourFactory()
    one, other = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=2)
    b.register(again, one)

    outcomes = b.in_parallel(
        partial(_outcome, partial(_merge, again, okafor)),
        partial(_outcome, partial(b.register, okafor, other)),
    )

    assert tuple(outcomes) in {
        ("done", AlreadyRegistered.code),
        (RegistrationsCollide.code, "done"),
    }
    assert b.drift() == {}
