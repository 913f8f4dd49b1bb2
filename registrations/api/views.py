"""Registrations over HTTP. Each method that changes something makes one service call."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit.models import AuditEvent
from registrations.api import examples
from registrations.api.callers import Caller, caller_of
from registrations.api.idempotency import answer_once
from registrations.api.inputs import (
    AttendeesInput,
    MoveInput,
    NoInput,
    RegisterInput,
    RegistrationFilters,
)
from registrations.api.outputs import (
    HistoryOutput,
    HouseholdOutput,
    RegistrationOutput,
)
from registrations.api.requests import (
    change,
    get_details,
    registration_body,
    validated,
    visible_to,
)
from registrations.errors import FieldError, HouseholdNotResolved, InvalidRequest
from registrations.models import EventRegistration
from registrations.queries import details, households, registrations
from registrations.queries.details import BeforeCommit
from registrations.services import attendees, booking
from schedules.api.pagination import Pages, page_of
from schedules.targets import Target


class RegistrationList(APIView):
    @extend_schema(
        operation_id="registrations_list",
        summary="List registrations",
        parameters=[RegistrationFilters],
        responses=page_of(RegistrationOutput),
    )
    def get(self, request: Request) -> Response:
        """The household's own registrations; staff see all. Newest first."""
        caller = caller_of(request)
        filters = validated(RegistrationFilters, request.query_params.dict())
        rows = registrations.filtered(
            visible_to(caller), now=timezone.now(), search_names=caller.is_staff, **filters
        )
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([registration_body(row) for row in details.read(page)])

    @extend_schema(
        operation_id="registrations_create",
        summary="Book a place",
        request=RegisterInput,
        responses={201: RegistrationOutput},
        examples=examples.REGISTER,
    )
    def post(self, request: Request) -> Response:
        """Confirms a place at a slot, or at a date without slots; or a place in the queue.

        `status` in the answer says which: `confirmed` or `waitlisted`.
        """
        caller = caller_of(request)

        def register(before_commit: BeforeCommit) -> EventRegistration:
            return _register(caller, validated(RegisterInput, request.data), before_commit)

        response = answer_once(request, status=201, perform=register, render=registration_body)
        response["Location"] = reverse(
            "registration-detail", [response.data["id"]], request=request
        )
        return response


def _register(
    caller: Caller, data: dict[str, Any], before_commit: BeforeCommit
) -> EventRegistration:
    household_id = _household_to_book_for(caller, data.pop("household_id"))
    try:
        return booking.register(
            household_id=household_id,
            attendee_ids=data["attendees"],
            join_waitlist=data["waitlist"],
            by=caller.actor,
            before_commit=before_commit,
            **_place(caller, data),
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


def _place(caller: Caller, data: dict[str, Any]) -> dict[str, Any]:
    """Where to, for `register` and `move`."""
    if data["override_reason"] and not caller.is_staff:
        raise exceptions.PermissionDenied("Only staff may override the opening rules.")
    target = Target.of(event_slot_id=data["event_slot_id"], event_date_id=data["event_date_id"])
    names = ("event_date_id", "event_id", "override_reason")
    return {"target": target, **{name: data[name] for name in names}}


class RegistrationDetail(APIView):
    @extend_schema(
        operation_id="registrations_read",
        summary="Read a registration",
        responses=RegistrationOutput,
    )
    def get(self, request: Request, registration_id: int) -> Response:
        """One registration, with its place in the queue and its appointment."""
        return Response(registration_body(get_details(caller_of(request), registration_id)))

    @extend_schema(
        operation_id="registrations_update",
        summary="Change who comes",
        request=AttendeesInput,
        responses=RegistrationOutput,
    )
    def patch(self, request: Request, registration_id: int) -> Response:
        """Other members will come. The place stays as it is."""
        return change(
            request, registration_id, AttendeesInput, attendees.change,
            lambda caller, data: {"attendee_ids": data["attendees"]},
        )  # fmt: skip


class RegistrationCancel(APIView):
    @extend_schema(
        operation_id="registrations_cancel",
        summary="Cancel",
        request=NoInput,
        responses=RegistrationOutput,
    )
    def post(self, request: Request, registration_id: int) -> Response:
        """Gives the place to the head of the queue. Cancelling twice changes nothing."""
        return change(request, registration_id, NoInput, booking.cancel)


class RegistrationMove(APIView):
    @extend_schema(
        operation_id="registrations_move",
        summary="Move to another slot or date",
        request=MoveInput,
        responses=RegistrationOutput,
        examples=examples.MOVE,
    )
    def post(self, request: Request, registration_id: int) -> Response:
        """Takes a place there and gives this one back; with no place there nothing changes."""
        return change(request, registration_id, MoveInput, booking.move, _place)


class RegistrationHistory(APIView):
    @extend_schema(
        operation_id="registrations_history",
        summary="What happened to a registration",
        responses=page_of(HistoryOutput),
    )
    def get(self, request: Request, registration_id: int) -> Response:
        """The trail, oldest first. Staff see who did it."""
        caller = caller_of(request)
        registration = get_details(caller, registration_id).registration
        events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
        pages = Pages()
        page = pages.paginate_queryset(events, request, view=self)
        context = {"is_staff": caller.is_staff}
        return pages.get_paginated_response(HistoryOutput(page, many=True, context=context).data)


class MyHousehold(APIView):
    @extend_schema(
        operation_id="households_me",
        summary="The caller's household",
        responses=HouseholdOutput,
    )
    def get(self, request: Request) -> Response:
        """The household of the token and its active members: who may be named as attendees."""
        household, members = households.household_with_members(caller_of(request).household_id())
        return Response(HouseholdOutput(household, context={"members": members}).data)
