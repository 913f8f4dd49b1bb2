"""The page of one registration: its data, its actions, its history."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from audit import trail, wording
from audit.models import AuditEvent
from registrations.desk import actions, common, confirmation, move
from registrations.models import EventRegistration
from registrations.queries import details


def show(request: HttpRequest, registration: EventRegistration) -> HttpResponse:
    common.check_permission(request, "view")
    (shown,) = details.read([registration])
    if not shown.is_schedule_available:
        messages.warning(request, common.SCHEDULES_DOWN)
    history = list(AuditEvent.objects.filter(registration_id=registration.pk).order_by("pk"))
    names = common.names_of(event.actor_id for event in history)
    is_movable = registration.status in move.MOVABLE
    return common.page(
        request,
        "registration.html",
        f"{registration.household or 'No household'}: {registration.confirmation_code}",
        row=registration,
        details=shown,
        when=shown.appointment.when(timezone.now()) if shown.appointment else None,
        names=names,
        offered=[(action.name, action.label) for action in actions.offered(request, shown)],
        may_edit=is_movable and common.has_permission(request, "change"),
        history=[(event, _actor_name(event, names)) for event in history],
        changelist=confirmation.LIST,
    )


def _actor_name(event: AuditEvent, names: Mapping[str, str]) -> str:
    if event.actor_kind != trail.STAFF:
        return wording.actor_kind(event)
    return names.get(event.actor_id, f"Staff user {event.actor_id}")
