"""From outside: gunicorn, HTTP, two databases, a public user with production's grants."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connections

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import EventRegistration
from tests.support import booking as b
from tests.support import factories, served, tokens
from tests.support.served import Answer, Service
from tests.support.victims import kill_in_request

pytestmark = pytest.mark.real_commits

PATH = "/api/v1/registrations/"


def _body(slot: Any, household: Any) -> dict[str, Any]:
    return {
        "event_slot_id": slot.pk,
        "attendees": list(household.members.values_list("pk", flat=True)),
    }


def test_book_wait_cancel_promote(service: Service) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    first, second = factories.households(2)

    booked = service.post(PATH, tokens.of_household(first), _body(slot, first))
    waits = service.post(PATH, tokens.of_household(second), _body(slot, second))
    mine = f"{PATH}{booked.body['id']}/"
    cancelled = service.post(f"{mine}cancel/", tokens.of_household(first), None)
    promoted = service.request("GET", f"{PATH}{waits.body['id']}/", tokens.of_household(second))

    assert (booked.status, booked.body["status"]) == (201, "confirmed")
    assert booked.headers["Location"] == f"{service.address}{mine}"
    assert (waits.body["status"], waits.body["waitlist_position"]) == ("waitlisted", 1)
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert (promoted.body["status"], promoted.body["waitlist_position"]) == ("confirmed", None)
    assert b.drift() == {}


def test_rush_for_the_last_places(service: Service) -> None:
    slot = factories.EventSlotFactory(capacity=3)
    households = factories.households(16)

    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda h: service.post(PATH, tokens.of_household(h[0]), h[1]),
                [(household, _body(slot, household)) for household in households],
            )
        )

    assert {answer.status for answer in answers} == {201}
    statuses = sorted(answer.body["status"] for answer in answers)
    assert statuses == ["confirmed"] * 3 + ["waitlisted"] * 13
    assert b.drift() == {}


def test_same_key_in_parallel_has_one_effect_and_one_answer(service: Service) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    (household,) = factories.households(1)
    token, body = tokens.of_household(household), _body(slot, household)

    def send(_: int) -> Answer:
        return service.post(PATH, token, body, idempotency_key="one-and-the-same")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert {answer.status for answer in answers} == {201}
    assert all(answer.body == answers[0].body for answer in answers)
    replays = [a for a in answers if a.headers.get("Idempotency-Replayed") == "true"]
    assert len(replays) == 7
    assert EventRegistration.objects.count() == 1
    assert b.drift() == {}


@pytest.mark.parametrize("point", ["before-private-commit", "between-commits", "before-mark"])
def test_request_killed_midway_can_be_retried_with_its_key(service: Service, point: str) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    (household,) = factories.households(1)
    token, body = tokens.of_household(household), _body(slot, household)

    kill_in_request(point, PATH, token, body, idempotency_key="k")
    answer = service.post(PATH, token, body, idempotency_key="k")

    assert (answer.status, answer.body["status"]) == (201, "confirmed")
    assert answer.headers.get("Idempotency-Replayed") == (
        None if point == "before-private-commit" else "true"
    )
    assert EventRegistration.objects.count() == 1
    b.settle_all()
    assert b.drift() == {}


@pytest.mark.mariadb
def test_cut_connections_recover_without_a_restart(service: Service) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    first, second = factories.households(2)
    service.post(PATH, tokens.of_household(first), _body(slot, first))

    for alias in (PRIVATE, PUBLIC):
        _cut_all_other_connections(alias)
    answers = [
        service.post(PATH, tokens.of_household(second), _body(slot, second)) for _ in range(9)
    ]

    assert answers[0].status == 201
    assert {answer.status for answer in answers[1:]} == {409}
    assert b.drift() == {}


@pytest.mark.mariadb
def test_connections_outlive_their_request(service: Service) -> None:
    service.request("GET", "/api/v1/events/")

    with connections[PUBLIC].cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist"
            " WHERE user = 'booking' AND db = DATABASE()"
        )
        assert cursor.fetchone()[0] > 0


def _cut_all_other_connections(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist"
            " WHERE id <> CONNECTION_ID() AND command = 'Sleep' AND db = DATABASE()"
        )
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {number}")


def test_without_public_everything_else_still_answers(django_db_setup: None) -> None:
    slot = factories.EventSlotFactory(capacity=9)
    first, second = factories.households(2)
    mine = tokens.of_household(first)
    down = "mysql://nobody:x@127.0.0.1:9/nowhere"

    with served.serve() as up:
        booked = up.post(PATH, mine, _body(slot, first), idempotency_key="k").body
    with served.serve(PUBLIC_DATABASE_URL=down) as service:
        shown = service.request("GET", f"{PATH}{booked['id']}/", mine)
        again = service.post(PATH, mine, _body(slot, first), idempotency_key="k")
        refused = service.post(PATH, tokens.of_household(second), _body(slot, second))
        ready = service.request("GET", "/readyz")

    assert (shown.status, shown.body["status"], shown.body["schedule"]) == (200, "confirmed", None)
    assert (again.status, again.body) == (201, booked)
    assert (refused.status, refused.body["code"]) == (503, "database_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert ready.status == 503
    assert ready.body["databases"] == {"freshtrak_private": "ok", "freshtrak_public": "down"}
    assert EventRegistration.objects.count() == 1
    assert b.drift() == {}


@pytest.mark.mariadb
def test_the_public_user_can_only_book() -> None:
    def forbidden(sql: str) -> int:
        with pytest.raises(OperationalError) as refusal, connections[PUBLIC].cursor() as cursor:
            cursor.execute(sql)
        return int(refusal.value.args[0])

    slot = factories.EventSlotFactory()
    attempts = [
        f"UPDATE event_slots SET capacity = 9 WHERE event_slot_id = {slot.pk}",
        "UPDATE event_hours SET reserved = 1",
        "INSERT INTO event_slots (event_hour_id) VALUES (1)",
        "DELETE FROM event_slots",
        "CREATE TABLE intruder (id INT)",
    ]

    codes = b.in_parallel(lambda: [forbidden(sql) for sql in attempts])

    assert codes == [[1143, 1142, 1142, 1142, 1142]]
