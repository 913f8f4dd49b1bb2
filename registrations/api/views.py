"""Registrations over HTTP. Each method makes one service call."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from registrations import queries
from registrations.api.callers import Caller, caller_of
from registrations.api.idempotency import answer_once
from registrations.api.pagination import Pages
from registrations.api.serializers import MoveInput, RegisterInput, registration_body
from registrations.errors import FieldError, HouseholdNotResolved, InvalidRequest, NotFound
from registrations.models import EventRegistration
from registrations.services import booking


def _visible_to(caller: Caller) -> "QuerySet[EventRegistration]":
    """Staff see all registrations, a participant those of the household."""
    found = queries.registrations()
    return found if caller.is_staff else found.filter(household_id=caller.household_id())


def _get(caller: Caller, registration_id: int) -> EventRegistration:
    """A registration as it is shown. Raises NotFound also for another household's."""
    registration = _visible_to(caller).filter(pk=registration_id).first()
    if registration is None:
        raise NotFound("There is no such registration.")
    queries.show([registration])
    return registration


class RegistrationList(APIView):
    def get(self, request: Request) -> Response:
        pages = Pages()
        page = pages.paginate_queryset(_visible_to(caller_of(request)), request, view=self)
        assert page is not None
        queries.show(page)
        return pages.get_paginated_response([registration_body(row) for row in page])

    def post(self, request: Request) -> Response:
        caller = caller_of(request)

        def register(on_written: booking.OnWritten) -> EventRegistration:
            data = RegisterInput(data=request.data)
            data.is_valid(raise_exception=True)
            return _register(caller, data.validated_data, on_written)

        response = answer_once(request, status=201, perform=register, render=registration_body)
        response["Location"] = reverse(
            "registration-detail", [response.data["id"]], request=request
        )
        return response


def _register(
    caller: Caller, data: dict[str, Any], on_written: booking.OnWritten
) -> EventRegistration:
    household_id = _household_to_book_for(caller, data["household_id"])
    try:
        return booking.register(
            household_id=household_id,
            attendee_ids=data["attendees"],
            event_slot_id=data["event_slot_id"],
            event_date_id=data["event_date_id"],
            event_id=data["event_id"],
            join_waitlist=data["waitlist"],
            by=caller.actor,
            on_written=on_written,
        )
    except HouseholdNotResolved as error:
        if not caller.is_staff:
            raise
        detail = "There is no such household, or it is no longer active."
        raise InvalidRequest(FieldError("household_id", "not_found", detail)) from error


def _household_to_book_for(caller: Caller, named: int | None) -> int:
    if caller.is_staff:
        if named is not None:
            return named
        if caller.claimed_household_id is None:
            detail = "Staff name the household that the registration is for."
            raise InvalidRequest(FieldError("household_id", "required", detail))
    own = caller.household_id()
    if named not in {None, own}:
        raise exceptions.PermissionDenied("Only staff may book for another household.")
    return own


class RegistrationDetail(APIView):
    def get(self, request: Request, registration_id: int) -> Response:
        return Response(registration_body(_get(caller_of(request), registration_id)))


class RegistrationCancel(APIView):
    def post(self, request: Request, registration_id: int) -> Response:
        caller = caller_of(request)

        def cancel(on_written: booking.OnWritten) -> EventRegistration:
            registration = _get(caller, registration_id)
            return booking.cancel(registration, by=caller.actor, on_written=on_written)

        return answer_once(request, status=200, perform=cancel, render=registration_body)


class RegistrationMove(APIView):
    def post(self, request: Request, registration_id: int) -> Response:
        caller = caller_of(request)

        def move(on_written: booking.OnWritten) -> EventRegistration:
            data = MoveInput(data=request.data)
            data.is_valid(raise_exception=True)
            registration = _get(caller, registration_id)
            return booking.move(
                registration, **data.validated_data, by=caller.actor, on_written=on_written
            )

        return answer_once(request, status=200, perform=move, render=registration_body)
