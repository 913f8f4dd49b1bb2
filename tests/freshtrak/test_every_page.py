"""Every URL of the desk and the admin refuses users without permissions; none is left out."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, get_resolver

from registrations.models import EventRegistration
from registrations.services import attendance
from tests.support import booking as b
from tests.support import factories

OPEN = {
    "index",
    "everything",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "jsi18n",
}
"""What every member of staff may open. (The front page lists only what the user may see.)"""


def _routes(resolver: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from _routes(pattern, route)
        elif route.startswith("admin/") and pattern.name and pattern.name not in OPEN:
            yield route, pattern.name


ROUTES = dict(_routes(get_resolver()))
# Without permissions this one answers 404.
ROUTES.pop("admin/^(?P<app_label>auth|axes|schedules|audit|registrations)/$")


@pytest.fixture
def registration(household: Any) -> EventRegistration:
    registration = b.register(household, factories.slot_today())
    Group.objects.get_or_create(name="Volunteers")
    AccessAttempt.objects.create(failures_since_start=1)
    AccessFailureLog.objects.create()
    return attendance.check_in(registration, by=b.STAFF)


def _address(route: str, name: str, registration: EventRegistration) -> str:
    """The route with ids of existing rows: a page for a missing row would prove nothing."""
    model = "_".join(name.split("_")[:2])
    rows = {f"{m._meta.app_label}_{m._meta.model_name}": m for m in admin.site._registry}
    row = rows.get(model, EventRegistration)._default_manager.first()
    ids = {
        "<int:event_date_id>": registration.event_date_id,
        "<int:registration_id>": registration.pk,
        "<int:household_id>": registration.household_id,
        "<str:kind>": "csv",
        "<path:object_id>": row.pk if row else 0,
        "<id>": registration.pk,
        "<path:content_type_id>": 1,
    }
    return "/" + re.sub(r"<[^>]+>", lambda match: str(ids[match[0]]), route)


def test_the_walk_covers_the_pages() -> None:
    names = set(ROUTES.values())

    assert {"registrations_day", "registrations_export", "schedules_event_changelist"} <= names
    assert len(ROUTES) > 60


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_member_of_staff_without_permissions_is_refused(
    route: str, registration: EventRegistration
) -> None:
    user = get_user_model().objects.create_user("new", is_staff=True)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    address = _address(route, ROUTES[route], registration)

    answers = {client.get(address).status_code, client.post(address).status_code}

    assert answers <= {403, 404, 405}, address
    assert 403 in answers or "/r/" in address, address


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_no_one_gets_in_without_logging_in(route: str, registration: EventRegistration) -> None:
    address = _address(route, ROUTES[route], registration)

    for answer in (Client().get(address), Client().post(address)):
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/admin/login/"), address
