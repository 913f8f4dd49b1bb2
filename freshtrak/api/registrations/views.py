"""Registrations over HTTP. Each action that changes something makes one service call."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from audit.models import AuditEvent
from freshtrak.api.authentication import Caller, IsStaff, caller_of
from freshtrak.api.idempotency import idempotent
from freshtrak.api.pagination import page_of, paginated
from freshtrak.api.registrations import examples
from freshtrak.api.registrations.plain import read_booking, render_registration
from freshtrak.api.registrations.serializers import (
    AttendeesInputSerializer,
    CheckInInputSerializer,
    HistoryOutputSerializer,
    HouseholdOutputSerializer,
    MoveInputSerializer,
    NoInputSerializer,
    NoShowInputSerializer,
    PromoteInputSerializer,
    RegisterInputSerializer,
    RegistrationFilterSerializer,
    RegistrationOutputSerializer,
)
from freshtrak.api.serializers import validated
from registrations.errors import FieldError, HouseholdNotResolved, InvalidRequest, NotFound
from registrations.models import EventRegistration
from registrations.queries import details, households, registrations
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import attendance, attendees, booking, places
from schedules.targets import Target

STAFF_ONLY = (IsAuthenticated, IsStaff)

Input = Mapping[str, Any]
"""What was sent, validated."""


class RegistrationViewSet(ViewSet):
    lookup_url_kwarg = "registration_id"
    lookup_value_converter = "int"

    @extend_schema(
        operation_id="registrations_list",
        summary="List registrations",
        parameters=[RegistrationFilterSerializer],
        responses=page_of(RegistrationOutputSerializer),
    )
    def list(self, request: Request) -> Response:
        """The household's own registrations; staff see all. Newest first."""
        caller = caller_of(request)
        filters = validated(RegistrationFilterSerializer, request.query_params.dict())
        rows = registrations.filtered(
            _visible_to(caller), now=timezone.now(), search_names=caller.is_staff, **filters
        )
        return paginated(
            request,
            rows,
            lambda page: [
                render_registration(row, is_staff=caller.is_staff) for row in details.read(page)
            ],
        )

    @extend_schema(
        operation_id="registrations_create",
        summary="Book a place",
        request=RegisterInputSerializer,
        responses={201: RegistrationOutputSerializer},
        examples=examples.REGISTER,
    )
    def create(self, request: Request) -> Response:
        """Books a place at a slot, or on a date without slots; or joins the waitlist.

        `status` in the answer says which: `confirmed` or `waitlisted`.
        """

        def register(before_commit: BeforeCommit) -> None:
            _register(request, read_booking(request.data), before_commit)

        response = idempotent(request, status=201, perform=register, render=render_registration)
        host = f"{request.scheme}://{request.get_host()}"
        response["Location"] = f"{host}{request.path}{response.data['id']}/"
        return response

    @extend_schema(
        operation_id="registrations_read",
        summary="Read a registration",
        responses=RegistrationOutputSerializer,
    )
    def retrieve(self, request: Request, registration_id: int) -> Response:
        """One registration, with its place on the waitlist and its appointment."""
        caller = caller_of(request)
        shown = get_details(caller, registration_id)
        return Response(render_registration(shown, is_staff=caller.is_staff))

    @extend_schema(
        operation_id="registrations_update",
        summary="Change who comes",
        request=AttendeesInputSerializer,
        responses=RegistrationOutputSerializer,
    )
    def partial_update(self, request: Request, registration_id: int) -> Response:
        """Replaces the attendees. The place stays as it is."""
        return _change(
            request,
            registration_id,
            attendees.change,
            AttendeesInputSerializer,
            lambda data: {"attendee_ids": data["attendees"]},
        )

    @extend_schema(
        operation_id="registrations_cancel",
        summary="Cancel",
        request=NoInputSerializer,
        responses=RegistrationOutputSerializer,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, registration_id: int) -> Response:
        """Gives the place to the head of the waitlist. Cancelling twice changes nothing.

        After the day, participants get 409 `event_past`.
        """
        return _change(request, registration_id, booking.cancel)

    @extend_schema(
        operation_id="registrations_move",
        summary="Move to another slot or date",
        request=MoveInputSerializer,
        responses=RegistrationOutputSerializer,
        examples=examples.MOVE,
    )
    @action(detail=True, methods=["post"])
    def move(self, request: Request, registration_id: int) -> Response:
        """Takes a place there and gives this one back; without a place there, changes nothing."""
        return _change(
            request,
            registration_id,
            booking.move,
            MoveInputSerializer,
            lambda data: _destination(caller_of(request), data),
        )

    @extend_schema(
        operation_id="registrations_promote",
        summary="Promote from the waitlist",
        request=PromoteInputSerializer,
        responses=RegistrationOutputSerializer,
    )
    @action(detail=True, methods=["post"], permission_classes=STAFF_ONLY)
    def promote(self, request: Request, registration_id: int) -> Response:
        """Gives the head of a queue the free place there; once booking is closed, with a reason."""
        return _change(
            request,
            registration_id,
            places.promote,
            PromoteInputSerializer,
            lambda data: {"override_reason": data["override_reason"]},
        )

    @extend_schema(
        operation_id="registrations_check_in",
        summary="Check in",
        request=CheckInInputSerializer,
        responses=RegistrationOutputSerializer,
        examples=examples.CHECK_IN,
    )
    @action(detail=True, methods=["post"], url_path="check-in", permission_classes=STAFF_ONLY)
    def check_in(self, request: Request, registration_id: int) -> Response:
        """The household is here: all attendees, or those named.

        Before the day it takes an `override_reason`; a day that has passed can be entered late.
        If it waits, and a place is free that nobody needs who has waited longer, it gets the place
        in the same step (on the day).
        """
        return _change(
            request,
            registration_id,
            attendance.check_in,
            CheckInInputSerializer,
            lambda data: {
                "attendee_ids": data["attendees"],
                "override_reason": data["override_reason"],
            },
        )

    @extend_schema(
        operation_id="registrations_undo_check_in",
        summary="Undo a check-in",
        request=NoInputSerializer,
        responses=RegistrationOutputSerializer,
    )
    @action(detail=True, methods=["post"], url_path="undo-check-in", permission_classes=STAFF_ONLY)
    def undo_check_in(self, request: Request, registration_id: int) -> Response:
        """The check-in was a mistake: the registration is confirmed again."""
        return _change(request, registration_id, attendance.undo_check_in)

    @extend_schema(
        operation_id="registrations_no_show",
        summary="Mark as no-show",
        request=NoShowInputSerializer,
        responses=RegistrationOutputSerializer,
    )
    @action(detail=True, methods=["post"], url_path="no-show", permission_classes=STAFF_ONLY)
    def no_show(self, request: Request, registration_id: int) -> Response:
        """Nobody came. A latecomer can still be checked in.

        Before the day it takes an `override_reason`.
        """
        return _change(
            request, registration_id, attendance.mark_no_show, NoShowInputSerializer, dict
        )

    @extend_schema(
        operation_id="registrations_history",
        summary="What happened to a registration",
        responses=page_of(HistoryOutputSerializer),
    )
    @action(detail=True)
    def history(self, request: Request, registration_id: int) -> Response:
        """The trail, oldest first. Staff see who did it."""
        caller = caller_of(request)
        registration = get_details(caller, registration_id).registration
        events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
        if not caller.is_staff:  # notes are for staff alone, also that there is one
            events = events.exclude(action=AuditEvent.Action.NOTE_CHANGED)
        context = {"is_staff": caller.is_staff}
        return paginated(
            request,
            events,
            lambda page: HistoryOutputSerializer(page, many=True, context=context).data,
        )


class HouseholdViewSet(ViewSet):
    @extend_schema(
        operation_id="households_me",
        summary="The caller's household",
        responses=HouseholdOutputSerializer,
    )
    @action(detail=False)
    def me(self, request: Request) -> Response:
        """The caller's household and its active members, who can be named as attendees."""
        household, members = households.household_with_members(caller_of(request).household_id())
        return Response(HouseholdOutputSerializer(household, context={"members": members}).data)


def get_details(caller: Caller, registration_id: int) -> RegistrationDetails:
    """A registration as it is shown. Raises NotFound also for another household's."""
    registration = _visible_to(caller).filter(pk=registration_id).first()
    if registration is None:
        raise NotFound("There is no such registration.")
    return details.read([registration])[0]


def _visible_to(caller: Caller) -> QuerySet[EventRegistration]:
    """Staff see all registrations, a participant those of the household."""
    rows = registrations.registrations()
    return rows if caller.is_staff else rows.filter(household_id=caller.household_id())


def _register(request: Request, data: Input, before_commit: BeforeCommit) -> None:
    caller = caller_of(request)
    household_id = _household_to_book_for(caller, data["household_id"])
    try:
        booking.register(
            household_id=household_id,
            attendee_ids=data["attendees"],
            join_waitlist=data["waitlist"],
            by=caller.actor(request),
            before_commit=before_commit,
            **_destination(caller, data),
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
            detail = "Name the household that the registration is for."
            raise InvalidRequest(FieldError("household_id", "required", detail))
    own = caller.household_id()
    if named not in {None, own}:
        raise exceptions.PermissionDenied("Only staff can book for another household.")
    return own


def _destination(caller: Caller, data: Input) -> dict[str, Any]:
    """Where to, for `register` and `move`."""
    if data["override_reason"] and not caller.is_staff:
        raise exceptions.PermissionDenied("Only staff can override the opening rules.")
    target = Target.of(event_slot_id=data["event_slot_id"], event_date_id=data["event_date_id"])
    names = ("event_date_id", "event_id", "override_reason")
    return {"target": target, **{name: data[name] for name in names}}


def _change(
    request: Request,
    registration_id: int,
    service: Callable[..., EventRegistration],
    shape: type[Serializer] = NoInputSerializer,
    arguments: Callable[[Input], dict[str, Any]] = lambda data: {},
) -> Response:
    """One change of one registration, once per Idempotency-Key."""
    caller = caller_of(request)

    def perform(before_commit: BeforeCommit) -> None:
        earlier = get_details(caller, registration_id)
        data = validated(shape, request.data)
        service(
            earlier.registration,
            by=caller.actor(request),
            before_commit=lambda changed: before_commit(changed.completed_by(earlier)),
            **arguments(data),
        )

    render = partial(render_registration, is_staff=caller.is_staff)
    return idempotent(request, status=200, perform=perform, render=render)
