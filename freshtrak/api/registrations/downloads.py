"""What a household downloads: the code to show, and the appointment for a calendar."""

import io

import icalendar
import segno
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from freshtrak.api.authentication import caller_of
from freshtrak.api.json import JsonRenderer
from freshtrak.api.registrations.views import get_details
from registrations.errors import NotFound
from registrations.models import Status
from registrations.queries.details import RegistrationDetails


class SvgRenderer(JsonRenderer):
    """Answers to `Accept: image/svg+xml`; errors stay problem documents."""

    media_type = "image/svg+xml"
    format = "svg"


class CalendarRenderer(JsonRenderer):
    """Answers to `Accept: text/calendar`; errors stay problem documents."""

    media_type = "text/calendar"
    format = "ics"


def _qr_svg(code: str) -> bytes:
    """The confirmation code as an SVG picture for a scanner to read."""
    picture = io.BytesIO()
    segno.make(code, error="m").save(picture, kind="svg", scale=8, title=f"Code {code}")
    return picture.getvalue()


def _calendar(details: RegistrationDetails) -> bytes | None:
    """The appointment as iCalendar (RFC 5545); None if the schedule cannot be read."""
    registration, appointment = details.registration, details.appointment
    if appointment is None or appointment.starts_at is None:
        return None
    event = icalendar.Event()
    event.add("uid", f"{registration.confirmation_code}@freshtrak")
    event.add("dtstamp", registration.updated_at)
    event.add("dtstart", appointment.starts_at)
    if appointment.ends_at is not None:
        event.add("dtend", appointment.ends_at)
    event.add("summary", appointment.event_name)
    event.add("location", appointment.address)
    event.add("description", f"Confirmation code {registration.confirmation_code}")
    event.add("status", _STATUS.get(registration.status, "CONFIRMED"))
    result = icalendar.Calendar()
    result.add("prodid", "-//FreshTrak//Registrations//EN")
    result.add("version", "2.0")
    result.add_component(event)
    result.add_missing_timezones()
    return bytes(result.to_ical())


_STATUS: dict[Status | None, str] = {Status.WAITLISTED: "TENTATIVE", Status.CANCELLED: "CANCELLED"}


class QrView(APIView):
    renderer_classes = (SvgRenderer,)

    @extend_schema(
        operation_id="registrations_qr",
        summary="The confirmation code as a QR code",
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, registration_id: int) -> HttpResponse:
        """An SVG picture to show at the desk."""
        registration = get_details(caller_of(request), registration_id).registration
        return HttpResponse(_qr_svg(registration.confirmation_code), content_type="image/svg+xml")


class CalendarView(APIView):
    renderer_classes = (CalendarRenderer,)

    @extend_schema(
        operation_id="registrations_calendar",
        summary="The appointment for a calendar",
        responses={(200, "text/calendar"): OpenApiTypes.STR},
    )
    def get(self, request: Request, registration_id: int) -> HttpResponse:
        """An iCalendar file. 404 if the schedule no longer has the time."""
        details = get_details(caller_of(request), registration_id)
        calendar = _calendar(details)
        if calendar is None:
            raise NotFound("The schedule of this registration cannot be read.")
        name = f"{details.registration.confirmation_code}.ics"
        return HttpResponse(
            calendar,
            content_type="text/calendar; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
