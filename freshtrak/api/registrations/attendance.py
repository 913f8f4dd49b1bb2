"""The list of check-ins, for staff. (Checking in is an action on the registration: views.py.)"""

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from audit.models import CheckIn
from freshtrak.api.authentication import IsStaff
from freshtrak.api.pagination import page_of, paginated
from freshtrak.api.registrations.serializers import (
    CheckInFilterSerializer,
    CheckInOutputSerializer,
)
from freshtrak.api.serializers import validated
from registrations.queries import details


class CheckInViewSet(ViewSet):
    permission_classes = (IsAuthenticated, IsStaff)

    @extend_schema(
        operation_id="check_ins_list",
        summary="List check-ins",
        parameters=[CheckInFilterSerializer],
        responses=page_of(CheckInOutputSerializer),
    )
    def list(self, request: Request) -> Response:
        """Each check-in and each undo: who did it, when, and who came. Newest first."""
        filters = validated(CheckInFilterSerializer, request.query_params.dict())
        return paginated(request, CheckIn.objects.filter(**filters).order_by("-pk"), _render)


def _render(page: Sequence[CheckIn]) -> object:
    context = {"appointments": details.appointments_of(page)}
    return CheckInOutputSerializer(page, many=True, context=context).data
