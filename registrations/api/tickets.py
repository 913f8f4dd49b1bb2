"""What a household takes along: the code to show, the appointment for the calendar."""

import io
from typing import Any

import icalendar
import segno
from rest_framework.renderers import JSONRenderer

from registrations.models import EventRegistration, Status


class SvgRenderer(JSONRenderer):
    """Answers to `Accept: image/svg+xml`; errors stay problem documents."""

    media_type = "image/svg+xml"
    format = "svg"


class CalendarRenderer(JSONRenderer):
    """Answers to `Accept: text/calendar`; errors stay problem documents."""

    media_type = "text/calendar"
    format = "ics"


def qr_svg(registration: EventRegistration) -> bytes:
    """The confirmation code as an SVG picture: a scanner types it."""
    picture = io.BytesIO()
    segno.make(registration.confirmation_code, error="m").save(
        picture, kind="svg", scale=8, title=f"Code {registration.confirmation_code}"
    )
    return picture.getvalue()


def calendar(registration: EventRegistration) -> bytes | None:
    """The appointment as iCalendar (RFC 5545); None if the schedule cannot be read."""
    appointment = registration.appointment
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
    result: Any = icalendar.Calendar()
    result.add("prodid", "-//FreshTrak//Registrations//EN")
    result.add("version", "2.0")
    result.add_component(event)
    result.add_missing_timezones()
    return bytes(result.to_ical())


_STATUS: dict[Status | None, str] = {Status.WAITLISTED: "TENTATIVE", Status.CANCELLED: "CANCELLED"}
