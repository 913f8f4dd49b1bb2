"""The desk's addresses, below the list of registrations in the admin."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, path

from registrations.desk import day_view, exports, household_page, merge, notes, planning, register

View = Callable[..., HttpResponse]

PREFIX = "registrations/eventregistration"

PAGES: tuple[tuple[str, View, str], ...] = (
    ("days/", day_view.index, "days"),
    ("days/<int:event_date_id>/", day_view.show, "day"),
    ("days/<int:event_date_id>/counters/", day_view.counters, "counters"),
    ("days/<int:event_date_id>/check-in/", day_view.check_in, "check_in"),
    ("days/<int:event_date_id>/undo/", day_view.undo, "undo"),
    ("days/<int:event_date_id>/walk-in/", register.walk_in, "walk_in"),
    ("days/<int:event_date_id>/close-out/", day_view.close_out, "close_out"),
    ("days/<int:event_date_id>/roster/", day_view.roster, "roster"),
    ("planning/", planning.show, "planning"),
    ("export/<str:kind>/", exports.export, "export"),
    ("<int:registration_id>/attendees/", register.edit_attendees, "attendees"),
    ("<int:registration_id>/note/", notes.of_registration, "note"),
    ("households/<int:household_id>/edit/", household_page.edit, "edit_household"),
    ("households/<int:household_id>/notes/", notes.of_household, "household_notes"),
    ("households/<int:household_id>/merge/", merge.show, "merge_household"),
)


def urlpatterns(admin_view: Callable[[View], View]) -> list[URLPattern]:
    """Every page, behind the admin's log-in; `admin_view` is the site's."""
    return [
        path(f"{PREFIX}/{route}", admin_view(view), name=f"registrations_{name}")
        for route, view, name in PAGES
    ]
