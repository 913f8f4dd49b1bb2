"""/api/v1/. Here the schedules learn from the registrations how many wait."""

from django.urls import include, path

from freshtrak.api import accounts, problems
from registrations.queries import targets
from schedules.api import views as schedules

_known = {"waitlisted": targets.waitlisted}

urlpatterns = [
    path("events/", schedules.EventList.as_view(**_known), name="event-list"),
    path("events/<int:event_id>/", schedules.EventDetail.as_view(**_known), name="event-detail"),
    path("event-dates/", schedules.EventDateList.as_view(**_known), name="event-date-list"),
    path(
        "event-dates/<int:event_date_id>/",
        schedules.EventDateDetail.as_view(**_known),
        name="event-date-detail",
    ),
    path(
        "event-slots/<int:event_slot_id>/",
        schedules.EventSlotDetail.as_view(**_known),
        name="event-slot-detail",
    ),
    path("", include("registrations.api.urls")),
    path("auth/token/", accounts.Obtain.as_view(), name="token-obtain"),
    path("auth/token/refresh/", accounts.Refresh.as_view(), name="token-refresh"),
    path("auth/token/verify/", accounts.Verify.as_view(), name="token-verify"),
    path("<path:anything>", problems.NothingHere.as_view()),
]
