"""Registrations over HTTP. Each method that changes something makes one service call."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit.models import AuditEvent, CheckIn
from registrations import queries
from registrations.api import examples, tickets
from registrations.api.callers import Caller, IsStaff, caller_of
from registrations.api.idempotency import answer_once
from registrations.api.inputs import (
    AttendeesInput,
    CheckInFilters,
    CheckInInput,
    MoveInput,
    NoInput,
    RegisterInput,
    RegistrationFilters,
)
from registrations.api.outputs import (
    CheckInOutput,
    HistoryOutput,
    HouseholdOutput,
    RegistrationOutput,
)
from registrations.api.pagination import Pages, page_of
from registrations.errors import FieldError, HouseholdNotResolved, InvalidRequest, NotFound
from registrations.models import EventRegistration
from registrations.services import attendance, booking
from registrations.services.booking import OnWritten


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


def _validated(shape: type[Any], data: Any) -> dict[str, Any]:
    given = shape(data=data)
    given.is_valid(raise_exception=True)
    return given.validated_data


def _body(registration: EventRegistration) -> dict[str, Any]:
    return RegistrationOutput(registration).data


def _change(
    request: Request,
    registration_id: int,
    shape: type[Any],
    service: Callable[..., EventRegistration],
    arguments: Callable[[Caller, dict[str, Any]], dict[str, Any]] = lambda caller, data: {},
) -> Response:
    """One change of one registration, once per Idempotency-Key."""
    caller = caller_of(request)

    def perform(on_written: OnWritten) -> EventRegistration:
        registration = _get(caller, registration_id)
        data = _validated(shape, request.data)
        return service(
            registration, by=caller.actor, on_written=on_written, **arguments(caller, data)
        )

    return answer_once(request, status=200, perform=perform, render=_body)


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
        filters = _validated(RegistrationFilters, request.query_params.dict())
        rows = queries.filtered(
            _visible_to(caller), now=timezone.now(), search_names=caller.is_staff, **filters
        )
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self) or []
        queries.show(page)
        return pages.get_paginated_response([_body(row) for row in page])

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

        def register(on_written: OnWritten) -> EventRegistration:
            return _register(caller, _validated(RegisterInput, request.data), on_written)

        response = answer_once(request, status=201, perform=register, render=_body)
        response["Location"] = reverse(
            "registration-detail", [response.data["id"]], request=request
        )
        return response


def _register(caller: Caller, data: dict[str, Any], on_written: OnWritten) -> EventRegistration:
    household_id = _household_to_book_for(caller, data.pop("household_id"))
    try:
        return booking.register(
            household_id=household_id,
            attendee_ids=data["attendees"],
            join_waitlist=data["waitlist"],
            by=caller.actor,
            on_written=on_written,
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
    names = ("event_slot_id", "event_date_id", "event_id", "override_reason")
    return {name: data[name] for name in names}


class RegistrationDetail(APIView):
    @extend_schema(
        operation_id="registrations_read",
        summary="Read a registration",
        responses=RegistrationOutput,
    )
    def get(self, request: Request, registration_id: int) -> Response:
        """One registration, with its place in the queue and its appointment."""
        return Response(_body(_get(caller_of(request), registration_id)))

    @extend_schema(
        operation_id="registrations_update",
        summary="Change who comes",
        request=AttendeesInput,
        responses=RegistrationOutput,
    )
    def patch(self, request: Request, registration_id: int) -> Response:
        """Other members will come. The place stays as it is."""
        return _change(
            request, registration_id, AttendeesInput, attendance.change_attendees,
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
        return _change(request, registration_id, NoInput, booking.cancel)


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
        return _change(request, registration_id, MoveInput, booking.move, _place)


class RegistrationCheckIn(APIView):
    permission_classes = (IsAuthenticated, IsStaff)

    @extend_schema(
        operation_id="registrations_check_in",
        summary="Check in",
        request=CheckInInput,
        responses=RegistrationOutput,
    )
    def post(self, request: Request, registration_id: int) -> Response:
        """The household is here: all attendees, or those named."""
        return _change(
            request, registration_id, CheckInInput, attendance.check_in,
            lambda caller, data: {"attendee_ids": data["attendees"]},
        )  # fmt: skip


class RegistrationUndoCheckIn(APIView):
    permission_classes = (IsAuthenticated, IsStaff)

    @extend_schema(
        operation_id="registrations_undo_check_in",
        summary="Undo a check-in",
        request=NoInput,
        responses=RegistrationOutput,
    )
    def post(self, request: Request, registration_id: int) -> Response:
        """The check-in was a mistake: the registration is confirmed again."""
        return _change(request, registration_id, NoInput, attendance.undo_check_in)


class RegistrationNoShow(APIView):
    permission_classes = (IsAuthenticated, IsStaff)

    @extend_schema(
        operation_id="registrations_no_show",
        summary="Mark as no-show",
        request=NoInput,
        responses=RegistrationOutput,
    )
    def post(self, request: Request, registration_id: int) -> Response:
        """Nobody came. A late comer can still be checked in."""
        return _change(request, registration_id, NoInput, attendance.mark_no_show)


class RegistrationHistory(APIView):
    @extend_schema(
        operation_id="registrations_history",
        summary="What happened to a registration",
        responses=page_of(HistoryOutput),
    )
    def get(self, request: Request, registration_id: int) -> Response:
        """The trail, oldest first. Staff see who did it."""
        caller = caller_of(request)
        registration = _get(caller, registration_id)
        events = AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk")
        pages = Pages()
        page = pages.paginate_queryset(events, request, view=self)
        context = {"is_staff": caller.is_staff}
        return pages.get_paginated_response(HistoryOutput(page, many=True, context=context).data)


class RegistrationQr(APIView):
    renderer_classes = (tickets.SvgRenderer,)

    @extend_schema(
        operation_id="registrations_qr",
        summary="The confirmation code as a QR code",
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, registration_id: int) -> HttpResponse:
        """An SVG picture to show at the desk."""
        registration = _get(caller_of(request), registration_id)
        return HttpResponse(tickets.qr_svg(registration), content_type="image/svg+xml")


class RegistrationCalendar(APIView):
    renderer_classes = (tickets.CalendarRenderer,)

    @extend_schema(
        operation_id="registrations_calendar",
        summary="The appointment for a calendar",
        responses={(200, "text/calendar"): OpenApiTypes.STR},
    )
    def get(self, request: Request, registration_id: int) -> HttpResponse:
        """An iCalendar file. 404 where the schedule no longer tells when it is."""
        registration = _get(caller_of(request), registration_id)
        calendar = tickets.calendar(registration)
        if calendar is None:
            raise NotFound("The schedule of this registration cannot be read.")
        name = f"{registration.confirmation_code}.ics"
        return HttpResponse(
            calendar,
            content_type="text/calendar; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class MyHousehold(APIView):
    @extend_schema(
        operation_id="households_me",
        summary="The caller's household",
        responses=HouseholdOutput,
    )
    def get(self, request: Request) -> Response:
        """The household of the token and its active members: who may be named as attendees."""
        household, members = queries.household_with_members(caller_of(request).household_id())
        return Response(HouseholdOutput(household, context={"members": members}).data)


class CheckInList(APIView):
    permission_classes = (IsAuthenticated, IsStaff)

    @extend_schema(
        operation_id="check_ins_list",
        summary="List check-ins",
        parameters=[CheckInFilters],
        responses=page_of(CheckInOutput),
    )
    def get(self, request: Request) -> Response:
        """Each check-in and each undoing: who did it, when, and who came. Newest first."""
        filters = _validated(CheckInFilters, request.query_params.dict())
        pages = Pages()
        records = CheckIn.objects.filter(**filters).order_by("-pk")
        page = pages.paginate_queryset(records, request, view=self) or []
        context = {"appointments": queries.appointments_of(page)}
        return pages.get_paginated_response(CheckInOutput(page, many=True, context=context).data)
