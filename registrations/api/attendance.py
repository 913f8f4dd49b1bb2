"""The gate over HTTP: check-in, its undoing, no-show, and the list of check-ins. Staff only."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.models import CheckIn
from registrations.api.callers import IsStaff
from registrations.api.inputs import (
    CheckInFilters,
    CheckInInput,
    NoInput,
)
from registrations.api.outputs import (
    CheckInOutput,
    RegistrationOutput,
)
from registrations.api.requests import (
    change,
    validated,
)
from registrations.queries import details
from registrations.services import attendance
from schedules.api.pagination import Pages, page_of


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
        return change(
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
        return change(request, registration_id, NoInput, attendance.undo_check_in)


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
        return change(request, registration_id, NoInput, attendance.mark_no_show)


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
        filters = validated(CheckInFilters, request.query_params.dict())
        pages = Pages()
        records = CheckIn.objects.filter(**filters).order_by("-pk")
        page = pages.paginate_queryset(records, request, view=self) or []
        context = {"appointments": details.appointments_of(page)}
        return pages.get_paginated_response(CheckInOutput(page, many=True, context=context).data)
