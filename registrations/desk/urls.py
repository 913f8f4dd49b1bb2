"""The desk's addresses, below the list of registrations in the admin."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from registrations.desk import (
    came_today,
    common,
    day_view,
    exports,
    household_page,
    merge,
    notes,
    places,
    planning,
    register,
    report,
    whole_day,
)

View = Callable[..., HttpResponse]

PREFIX = "registrations/eventregistration"

PAGES: tuple[tuple[str, View, str], ...] = (
    ("days/", day_view.index, "days"),
    ("days/<int:event_date_id>/", day_view.show, "day"),
    ("days/<int:event_date_id>/counters/", day_view.counters, "counters"),
    ("days/<int:event_date_id>/check-in/", day_view.check_in, "check_in"),
    ("days/<int:event_date_id>/undo/", day_view.undo, "undo"),
    ("days/<int:event_date_id>/walk-in/", register.walk_in, "walk_in"),
    ("days/<int:event_date_id>/places/", places.show, "places"),
    ("days/<int:event_date_id>/places/<int:registration_id>/", places.give, "give_place"),
    ("days/<int:event_date_id>/close-out/", day_view.close_out, "close_out"),
    ("days/<int:event_date_id>/close-out/undo/", day_view.undo_close_out, "undo_close_out"),
    ("days/<int:event_date_id>/roster/", day_view.roster, "roster"),
    ("days/<int:event_date_id>/delay/", whole_day.delay, "delay"),
    ("days/<int:event_date_id>/cancel/", whole_day.cancel, "cancel_day"),
    ("planning/", planning.show, "planning"),
    ("report/", report.show, "report"),
    ("report/<str:kind>/", report.export, "report_file"),
    ("export/<str:kind>/", exports.export, "export"),
    ("<int:registration_id>/came-today/", came_today.show, "came_today"),
    ("<int:registration_id>/attendees/", register.edit_attendees, "attendees"),
    ("<int:registration_id>/note/", notes.of_registration, "note"),
    ("households/<int:household_id>/edit/", household_page.edit, "edit_household"),
    ("households/<int:household_id>/notes/", notes.of_household, "household_notes"),
    ("households/<int:household_id>/merge/", merge.show, "merge_household"),
)


def urlpatterns(admin_view: Callable[[View], View]) -> list[URLPattern]:
    """Every page, behind the admin's log-in; `admin_view` is the site's."""
    return [
        path(f"{PREFIX}/{route}", admin_view(_or_the_day(view)), name=f"registrations_{name}")
        for route, view, name in PAGES
    ]


def _or_the_day(view: View) -> View:
    """The address of a button, opened as a page (after a log-in, or from the browser's history),
    leads to the day instead of a 405."""

    @wraps(view)
    def shown(request: HttpRequest, **ids: int) -> HttpResponse:
        answer = view(request, **ids)
        if answer.status_code != 405 or request.method != "GET":
            return answer
        common.check_permission(request, "view")
        if "event_date_id" in ids:
            return redirect("admin:registrations_day", ids["event_date_id"])
        return redirect("admin:registrations_days")

    return shown
