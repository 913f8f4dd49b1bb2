"""The list as a file for a spreadsheet."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

import tablib
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from registrations.desk import common
from registrations.desk.confirmation import LIST
from registrations.models import EventRegistration, Status
from registrations.queries import details
from registrations.queries.details import RegistrationDetails

MAX_ROWS = 50_000
"""Rows in one file."""

HEADERS = (
    "code",
    "household",
    "identification",
    "event",
    "day",
    "start",
    "end",
    "status",
    "waitlist position",
    "attendees",
    "names",
    "came",
    "who came",
    "checked in",
    "checked in by",
    "registered",
)

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def export(request: HttpRequest, kind: str) -> HttpResponse:
    """The list, with the filters of this URL, as a file."""
    common.check_permission(request, "export")
    if kind not in TYPES:
        raise Http404
    shown = admin.site.get_model_admin(EventRegistration).get_changelist_instance
    try:
        registrations = shown(request).get_queryset(request)
    except IncorrectLookupParameters:
        messages.error(request, "One of the filters is not valid.")
        return redirect(LIST)
    if registrations.count() > MAX_ROWS:
        messages.error(request, f"More than {MAX_ROWS:,} rows: filter the list first.")
        return redirect(LIST)
    return as_file(registrations, kind)


def as_file(registrations: QuerySet[EventRegistration], kind: str) -> HttpResponse:
    """The registrations as CSV (UTF-8 with a byte order mark, for Excel) or XLSX."""
    table = tablib.Dataset(headers=HEADERS, title="Registrations")
    for batch in _batches(registrations):
        names = common.names_of_check_ins(batch)
        for shown in batch:
            table.append([harmless(value) for value in _values(shown, names)])
    content = table.export(kind)
    name = f"registrations-{timezone.localdate():%Y-%m-%d}.{kind}"
    return HttpResponse(
        content.encode("utf-8-sig") if isinstance(content, str) else content,
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def harmless(value: object) -> object:
    """Adds an apostrophe to text that a spreadsheet would run as a formula.

    The characters are those in OWASP's "CSV Injection". Control characters, which XLSX cannot
    store, become spaces.
    """
    if not isinstance(value, str):
        return value
    value = "".join(letter if letter.isprintable() else " " for letter in value)
    return f"'{value}" if value.lstrip()[:1] in {"=", "+", "-", "@"} else value


def _batches(registrations: QuerySet[EventRegistration]) -> Iterator[list[RegistrationDetails]]:
    """With their details, which are read for many at a time."""
    left = registrations.iterator(chunk_size=500)
    while batch := list(islice(left, 500)):
        yield details.read(batch)


def _values(shown: RegistrationDetails, names: Mapping[str, str]) -> list[object]:
    registration, appointment = shown.registration, shown.appointment
    return [
        registration.confirmation_code,
        registration.household.name if registration.household else "",
        registration.household.identification_code if registration.household else "",
        appointment.event_name if appointment else "",
        appointment.date if appointment else "",
        appointment.start_time if appointment else "",
        appointment.end_time if appointment else "",
        registration.status.label if registration.status else str(registration.event_status or ""),
        shown.waitlist_position or "",
        len(shown.attendees),
        ", ".join(str(member) for member in shown.attendees),
        _how_many_came(shown),
        ", ".join(str(member) for member in shown.came or ()),
        _minute(registration.checked_in_at),
        common.name_in(names, shown.check_in.actor_id) if shown.check_in else "",
        _minute(registration.created_at),
    ]


def _how_many_came(shown: RegistrationDetails) -> int | str:
    """Beside the number of attendees; only "came" where an adopted row does not tell how many."""
    if shown.check_in is not None:
        return shown.check_in.attendee_count
    return "came" if shown.registration.status is Status.CHECKED_IN else ""


def _minute(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""
