"""The OpenAPI document: complete, true, and executed."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.urls import get_resolver
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.test import APIClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from freshtrak import rates
from freshtrak.api.errors import CODES
from freshtrak.api.schema import ANYBODY, SIGNED_IN, STAFF
from freshtrak.wsgi import application
from registrations import demo
from registrations.models import EventRegistration
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import factories, tokens

# What an answer must be: no 5xx, and described. Left out, because the service is rightly stricter
# or more lenient than a shape can say: `positive_data_acceptance` (an attendee of the right type
# is refused who is no member), `negative_data_rejection` (unknown parameters are ignored),
# `ignored_auth` (schedules need no token; a test of roles does it properly), `unsupported_method`
# (405 comes after 401).
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)


def _document() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_document_is_valid_openapi_3_1() -> None:
    document = _document()

    validate_schema(document)
    assert document["openapi"] == "3.1.0"


def test_every_operation_says_roles_errors_and_idempotency() -> None:
    for path, method, operation in _operations(_document()):
        problems = [
            status
            for status, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        ]
        headers = [p["name"] for p in operation.get("parameters", []) if p["in"] == "header"]
        signed_in = operation["x-roles"] != ANYBODY

        assert operation["summary"], path
        assert operation["description"], path
        assert operation["x-roles"] in (ANYBODY, SIGNED_IN, STAFF)
        assert {"400", "404", "503"} <= set(problems), (path, method)
        assert ("401" in problems and "403" in problems) or not signed_in
        assert headers == (["Idempotency-Key"] if signed_in and method != "get" else [])


def test_every_conflict_has_an_example() -> None:
    conflicts = _document()["paths"]["/api/v1/registrations/"]["post"]["responses"]["409"]
    examples = conflicts["content"]["application/problem+json"]["examples"]

    assert set(examples) == {name for name, code in CODES.items() if code.status == 409}


def test_every_address_of_the_api_is_documented() -> None:
    def routes(resolver: Any, prefix: str = "") -> Iterator[str]:
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                yield from routes(pattern, route)
            elif route.startswith("api/v1/") and "anything" not in route:
                yield "/" + route.replace("<int:", "{").replace(">", "}")

    assert set(_document()["paths"]) == set(routes(get_resolver()))


def _examples(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in content["examples"].items()}


def test_examples_of_booking_and_moving_are_executed(client: APIClient) -> None:
    """With exactly the ids of the document, in a world where these exist."""
    paths = _document()["paths"]
    household = factories.HouseholdFactory(id=18, size=0)
    for member_id in (31, 32):
        factories.MemberFactory(id=member_id, household=household)
    by_slot = factories.EventDateFactory(event_date_id=44444)
    hour = factories.EventHourFactory(event_date=by_slot)
    for slot_id in (67890, 67891):
        factories.EventSlotFactory(event_slot_id=slot_id, event_hour=hour)
    for date_id in (55555, 55556):
        factories.EventDateFactory(event_date_id=date_id)
    client.credentials(HTTP_AUTHORIZATION=tokens.of_household(household))

    register = _examples(paths["/api/v1/registrations/"]["post"])
    move = _examples(paths["/api/v1/registrations/{registration_id}/move/"]["post"])
    statuses = []
    for body in register.values():
        statuses.append(client.post("/api/v1/registrations/", body).status_code)
        b.cancel(EventRegistration.objects.latest("pk"))
    registration = b.register(household, EventSlot.objects.get(pk=67890))
    for body in move.values():
        path = f"/api/v1/registrations/{registration.pk}/move/"
        statuses.append(client.post(path, body).status_code)

    assert statuses == [201, 201, 201, 200, 200]


def test_examples_of_checking_in_are_executed(client: APIClient) -> None:
    household = factories.HouseholdFactory(size=0)
    for member_id in (31, 32):
        factories.MemberFactory(id=member_id, household=household)
    path = f"/api/v1/registrations/{b.register(household, factories.slot_today()).pk}/"
    client.credentials(HTTP_AUTHORIZATION=tokens.of_staff())
    post = _document()["paths"]["/api/v1/registrations/{registration_id}/check-in/"]["post"]
    came = []

    for body in _examples(post).values():
        answer = client.post(f"{path}check-in/", body).json()
        came.append([each["came"] for each in answer["attendees"]])
        client.post(f"{path}undo-check-in/")

    assert came == [[True, True], [True, False], [True, True]]


def test_examples_of_every_conflict_are_executed(household: Any) -> None:
    """Each conflict is provoked; what does not vary of the answer equals the example."""
    conflicts = _document()["paths"]["/api/v1/registrations/"]["post"]["responses"]["409"]
    examples = conflicts["content"]["application/problem+json"]["examples"]
    participant, staff = APIClient(), APIClient()
    participant.credentials(HTTP_AUTHORIZATION=tokens.of_household(household))
    staff.credentials(HTTP_AUTHORIZATION=tokens.of_staff())
    attendees = [household.members.get().pk]
    path = "/api/v1/registrations/"
    answers = []

    def book(slot: Any, **change: Any) -> None:
        body = {"event_slot_id": slot.pk, "attendees": attendees, **change}
        answers.append(participant.post(path, body))

    closed = {
        "not_published": {"status_publish": 0},
        "registration_closed": {"published_end_datetime": timezone.now() - timedelta(days=1)},
        "event_past": {"event_date_key": factories.in_days(-1)},
        "reservations_not_accepted": {"accept_reservations": 0},
    }
    for change in closed.values():
        slot = factories.EventSlotFactory()
        EventDate.objects.filter(pk=slot.event_hour.event_date_id).update(**change)
        book(slot)
    book(factories.EventSlotFactory(capacity=0), waitlist=False)
    slot = factories.EventSlotFactory()
    book(slot, event_slot_id=None, event_date_id=slot.event_hour.event_date_id)
    book(slot)
    book(slot)
    mine = f"{path}{EventRegistration.objects.get().pk}/"
    answers.append(staff.post(f"{mine}check-in/"))
    staff.post(f"{mine}check-in/", {"override_reason": "Picks up early"})
    answers.append(staff.post(f"{mine}check-in/"))
    answers.append(participant.post(f"{mine}cancel/"))
    full = factories.EventSlotFactory(capacity=0)
    waits = [b.register(each, full).pk for each in factories.households(2)]
    EventSlot.objects.filter(pk=full.pk).update(capacity=1)
    answers.append(staff.post(f"{path}{waits[1]}/promote/"))

    bodies = {a.json()["code"]: a.json() for a in answers if a.status_code == 409}
    assert set(bodies) == set(examples)
    for code, example in examples.items():
        for member in ("type", "title", "status", "code"):
            assert bodies[code][member] == example["value"][member]


def test_example_answers_have_the_shape_of_real_ones(client: APIClient) -> None:
    (household,) = factories.households(1)
    client.credentials(HTTP_AUTHORIZATION=tokens.of_household(household))
    member = household.members.get().pk
    slot = factories.EventSlotFactory()
    real = client.post("/api/v1/registrations/", {"event_slot_id": slot.pk, "attendees": [member]})
    created = _document()["paths"]["/api/v1/registrations/"]["post"]["responses"]["201"]
    examples = created["content"]["application/json"]["examples"]

    assert [list(example["value"]) for example in examples.values()] == [list(real.json())] * 2


# Roles --------------------------------------------------------------------------------


def _call(role: str, path: str, method: str, household: Any) -> int:
    rates.counts.clear()
    client = APIClient()
    token = {
        "anonymous": "",
        "participant": tokens.of_household(household),
        "staff": tokens.of_staff(),
        "admin": tokens.bearer(sub="1", groups=["admin"]),
    }[role]
    if token:
        client.credentials(HTTP_AUTHORIZATION=token)
    return int(getattr(client, method)(path, {} if method != "get" else None).status_code)


@pytest.mark.parametrize("role", ANYBODY)
def test_roles_are_what_the_document_says(role: str, household: Any) -> None:
    registration = b.register(household, factories.EventSlotFactory())
    slot = EventSlot.objects.get()
    ids = {
        "registration_id": registration.pk,
        "event_slot_id": slot.pk,
        "event_date_id": registration.event_date_id,
        "event_id": registration.event_id,
    }

    for path, method, operation in _operations(_document()):
        status = _call(role, path.format(**ids), method, household)
        if role in operation["x-roles"]:
            assert status not in {403, 404} or "households/me" in path, (path, method, status)
            assert status != 401 or "/auth/" in path, (path, method)
        else:
            assert status == (401 if role == "anonymous" else 403), (path, method, status)


# The fuzzer ---------------------------------------------------------------------------


SEED = 1
"""Fixed. `derandomize` would derive it from the source: a new line would change all requests."""


@pytest.mark.slow
@pytest.mark.real_commits
@pytest.mark.parametrize("role", ["anonymous", "participant", "staff"])
def test_no_answer_is_a_5xx_or_not_described(role: str) -> None:
    demo.seed(timezone.now())
    household = EventRegistration.objects.order_by("pk")[0].household
    headers = {"Host": "localhost"}
    if role != "anonymous":
        token = tokens.of_staff() if role == "staff" else tokens.of_household(household)
        headers["Authorization"] = token
    answered: list[int] = []
    schema = schemathesis.openapi.from_wsgi(
        "/api/schema/?format=json", application, headers=headers
    )
    real = _real_ids(household)
    turns = itertools.count()

    for operation in schema.get_all_operations():

        @seed(SEED)
        @settings(
            max_examples=16,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.ok().as_strategy())
        def fuzz(case: Any) -> None:
            rates.counts.clear()
            if next(turns) % 2:  # every other request is about something that exists
                _make_real(case, real)
            answered.append(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

        fuzz()

    assert {200, 404} <= set(answered)
    assert (role == "anonymous") != ({201, 400} <= set(answered))


def _real_ids(household: Any) -> dict[str, Any]:
    day = EventDate.objects.with_booking().filter(has_slots=True).latest("pk")
    return {
        "registration_id": household.registrations.latest("pk").pk,
        "event_id": day.event_id,
        "event_date_id": day.pk,
        "event_slot_id": day.hours.latest("pk").slots.latest("pk").pk,
        "household_id": household.pk,
        "attendees": [member.pk for member in household.members.all()],
    }


def _make_real(case: Any, real: dict[str, Any]) -> None:
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            part.update({name: real[name] for name in part.keys() & real.keys()})


# The pages ----------------------------------------------------------------------------


def test_type_of_a_problem_leads_to_its_explanation(client: APIClient) -> None:
    problem = client.get("/api/v1/registrations/").json()
    page, anchor = problem["type"].split("#")

    text = client.get(page).content.decode()

    assert f'id="{anchor}"' in text
    assert all(f'id="{code}"' in text for code in CODES)


@pytest.mark.parametrize("path", ["/api/docs/", "/api/errors/"])
def test_pages_work_offline_and_under_the_policy(client: APIClient, path: str) -> None:
    response = client.get(path)
    text = response.content.decode()

    assert response.status_code == 200
    assert "default-src 'self'" in response["Content-Security-Policy"].split("; ")
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text
    assert all("src=" in tag for tag in text.split("<script")[1:])
