"""Who moved up from the waitlist because staff gave places back."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest

from audit.models import AuditEvent
from registrations.desk import common
from registrations.queries import details, registrations
from registrations.queries.details import RegistrationDetails
from schedules import display

MAX_NAMES = 20
"""Households that the message names; the rest is counted."""


def announce(request: HttpRequest, since: datetime) -> None:
    """Names those whom the operations of this request, begun after `since`, have promoted."""
    promoted = AuditEvent.objects.filter(
        at__gte=since,
        action=AuditEvent.Action.PROMOTED,
        request_id=common.actor(request).request_id,
    )
    ids = [pk for pk in promoted.order_by("pk").values_list("registration_id", flat=True) if pk]
    if not ids:
        return
    rows = registrations.registrations().select_related("household").filter(pk__in=ids[:MAX_NAMES])
    named = ", ".join(_describe(shown) for shown in details.read(list(rows.order_by("pk"))))
    others = f" and {len(ids) - MAX_NAMES} more" if len(ids) > MAX_NAMES else ""
    messages.success(request, f"Moved up from the waitlist: {named}{others}.")


def _describe(shown: RegistrationDetails) -> str:
    registration, appointment = shown.registration, shown.appointment
    time = display.clock(appointment.start_time) if appointment else ""
    about = ", ".join(filter(None, (registration.confirmation_code, time)))
    return f"{registration.household or 'No household'} ({about})"
