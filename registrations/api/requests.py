"""What the views share: which registrations a caller sees, and one change of one of them."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from registrations.api.callers import Caller, caller_of
from registrations.api.idempotency import answer_once
from registrations.api.outputs import RegistrationOutput
from registrations.errors import NotFound
from registrations.models import EventRegistration
from registrations.queries import details, registrations
from registrations.queries.details import BeforeCommit, RegistrationDetails


def visible_to(caller: Caller) -> "QuerySet[EventRegistration]":
    """Staff see all registrations, a participant those of the household."""
    found = registrations.registrations()
    return found if caller.is_staff else found.filter(household_id=caller.household_id())


def get_details(caller: Caller, registration_id: int) -> RegistrationDetails:
    """A registration as it is shown. Raises NotFound also for another household's."""
    registration = visible_to(caller).filter(pk=registration_id).first()
    if registration is None:
        raise NotFound("There is no such registration.")
    (found,) = details.read([registration])
    return found


def validated(shape: type[Any], data: Any) -> dict[str, Any]:
    """What was sent, if it has the shape. Raises ValidationError."""
    given = shape(data=data)
    given.is_valid(raise_exception=True)
    return given.validated_data


def registration_body(registration: RegistrationDetails) -> dict[str, Any]:
    """A registration as every operation answers it."""
    return RegistrationOutput(registration).data


def change(
    request: Request,
    registration_id: int,
    shape: type[Any],
    service: Callable[..., EventRegistration],
    arguments: Callable[[Caller, dict[str, Any]], dict[str, Any]] = lambda caller, data: {},
) -> Response:
    """One change of one registration, once per Idempotency-Key."""
    caller = caller_of(request)

    def perform(before_commit: BeforeCommit) -> EventRegistration:
        earlier = get_details(caller, registration_id)
        data = validated(shape, request.data)
        return service(
            earlier.registration,
            by=caller.actor,
            before_commit=lambda changed: before_commit(changed.completed_by(earlier)),
            **arguments(caller, data),
        )

    return answer_once(request, status=200, perform=perform, render=registration_body)
