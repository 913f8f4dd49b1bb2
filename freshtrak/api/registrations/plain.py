"""A booking read and a registration rendered by plain functions, at a tenth of a serializer's cost.

The serializers describe the same shapes for the OpenAPI document, and read whatever is not an
ordinary request. tests/freshtrak/api/registrations/test_plain.py holds each against the other.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from freshtrak.api.registrations.serializers import MAX_ATTENDEES, RegisterInputSerializer
from freshtrak.api.serializers import MAX_PRIVATE_ID, MAX_PUBLIC_ID, validated
from registrations.queries.details import RegistrationDetails

_DEFAULTS = {
    "event_slot_id": None,
    "event_date_id": None,
    "event_id": None,
    "household_id": None,
    "override_reason": "",
    "waitlist": True,
}
_MAXIMA = {
    "event_slot_id": MAX_PUBLIC_ID,
    "event_date_id": MAX_PUBLIC_ID,
    "event_id": MAX_PUBLIC_ID,
    "household_id": MAX_PRIVATE_ID,
}


def read_booking(data: Any) -> Mapping[str, Any]:
    """What RegisterInputSerializer makes of the body. Raises ValidationError as it does."""
    if _is_ordinary(data):
        return {**_DEFAULTS, **data}
    return validated(RegisterInputSerializer, data)


def _is_ordinary(data: object) -> bool:
    """Whether it only names a target, attendees, and whether to wait, all of the right type."""
    if not isinstance(data, dict) or not data.keys() <= {*_MAXIMA, "attendees", "waitlist"}:
        return False
    attendees = data.get("attendees")
    return (
        isinstance(attendees, list)
        and 0 < len(attendees) <= MAX_ATTENDEES
        and all(type(id_) is int and 0 < id_ <= MAX_PRIVATE_ID for id_ in attendees)
        and all(
            type(data[name]) is int and 0 < data[name] <= maximum
            for name, maximum in _MAXIMA.items()
            if name in data
        )
        and type(data.get("waitlist", True)) is bool
        and ("event_slot_id" in data or "event_date_id" in data)
    )


def render_registration(
    details: RegistrationDetails, *, is_staff: bool = False
) -> dict[str, object]:
    """A registration as RegistrationOutputSerializer renders it."""
    registration, appointment = details.registration, details.appointment
    check_in = details.check_in
    present = check_in.household_member_ids if check_in else None
    return {
        "id": registration.pk,
        "confirmation_code": registration.confirmation_code,
        "status": str(registration.status or registration.event_status or ""),
        "status_id": registration.event_status_id,
        "household_id": registration.household_id,
        "event_id": registration.event_id,
        "event_date_id": registration.event_date_id,
        "event_slot_id": registration.event_slot_id,
        "waitlist_position": details.waitlist_position,
        "attendees": [
            {
                "household_member_id": member.pk,
                "first_name": member.first_name,
                "last_name": member.last_name,
                "came": None if present is None else member.pk in present,
            }
            for member in details.attendees
        ],
        "schedule": appointment
        and {
            "event_name": appointment.event_name,
            "date": appointment.date and appointment.date.isoformat(),
            "start_time": appointment.start_time,
            "end_time": appointment.end_time,
        },
        "created_at": _local(registration.created_at),
        "updated_at": _local(registration.updated_at),
        "cancelled_at": _local(registration.cancelled_at),
        "checked_in_at": _local(registration.checked_in_at),
        "checked_in_by": check_in.actor_id if check_in and is_staff else None,
    }


def _local(moment: datetime | None) -> str | None:
    """ISO 8601 with the offset of the service's own time zone."""
    if moment is None:
        return None
    text = moment.astimezone(timezone.get_current_timezone()).isoformat()
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text
