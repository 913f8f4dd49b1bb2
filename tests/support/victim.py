"""What a process of `tests.support.victims` does: one operation, or part of it up to a point.

    register HOUSEHOLD SLOT    cancel REGISTRATION    move REGISTRATION SLOT    promote SLOT
    settle_target SLOT         settle                 reconcile    post PATH TOKEN BODY HEADERS
    give REGISTRATION SLOT     pass_on REGISTRATION

Production code knows nothing about this: the points are the commits on the two connections.
"""

import json
import os
import signal
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
django.setup()

from django.db import connections  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from freshtrak.databases import PRIVATE, PUBLIC  # noqa: E402
from registrations.models import EventRegistration, Household  # noqa: E402
from registrations.queries.counts import Scope  # noqa: E402
from registrations.services import (  # noqa: E402
    attendance,
    places,
    reconciliation,
    settlement,
    waitlist,
)
from schedules.models import EventSlot  # noqa: E402
from schedules.targets import Target  # noqa: E402
from tests.support import booking, public_guard  # noqa: E402

public_guard.install()

POINTS = {
    "before-private-commit": (PRIVATE, "before"),
    "after-private-commit": (PRIVATE, "after"),
    "between-commits": (PUBLIC, "before"),
    "before-mark": (PUBLIC, "after"),
}


def stop_at(point: str, reached: Callable[[str], None]) -> None:
    """Makes this process stop at `point`, and report that it is there."""
    alias, when = POINTS[point]
    connection = connections[alias]
    commit: Callable[[], None] = connection.commit

    def stopping_commit() -> None:
        if when == "after":
            commit()
        reached(point)
        signal.pause()  # until SIGKILL

    connection.commit = stopping_commit  # type: ignore[method-assign]


def run(operation: str, *ids: str | int) -> str:
    """Runs an operation; returns what its caller gets."""
    if operation == "register":
        household, slot = ids
        return _status(
            booking.register(Household.objects.get(pk=household), EventSlot.objects.get(pk=slot))
        )
    if operation == "cancel":
        return _status(booking.cancel(EventRegistration.objects.get(pk=ids[0])))
    if operation == "move":
        registration = EventRegistration.objects.get(pk=ids[0])
        return _status(booking.move(registration, EventSlot.objects.get(pk=ids[1])))
    if operation == "give":
        waiting = EventRegistration.objects.get(pk=ids[0])
        target = Target.slot(int(ids[1]))
        return _status(
            attendance.check_in_waiting(waiting, target=target, reason="Ill", by=booking.STAFF)
        )
    if operation == "pass_on":
        absent = EventRegistration.objects.get(pk=ids[0])
        return _status(places.pass_on(absent, reason="Did not come", by=booking.STAFF))
    if operation == "promote":
        return f"{len(waitlist.promote(Target.slot(int(ids[0])), by=booking.BY))} promoted"
    if operation == "settle_target":
        return f"settled: {settlement.settle_target(Target.slot(int(ids[0])))}"
    if operation == "reconcile":
        reconciliation.reconcile(Scope(), fix=True, report=lambda drift: None)
    elif operation == "settle":
        settlement.settle_all(patience=0)
    elif operation == "post":
        path, token, body, headers = map(str, ids)
        APIClient(raise_request_exception=False).post(
            path,
            json.loads(body),
            headers={"Host": "localhost", "Authorization": token, **json.loads(headers)},
        )
    return "done"


def _status(registration: EventRegistration) -> str:
    return str(registration.event_status)
