"""/api/v1/: one viewset per noun, and a few addresses beside them."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from freshtrak.api import errors, tokens
from freshtrak.api.registrations import attendance, downloads, views
from freshtrak.api.schedules import views as schedules

router = SimpleRouter(use_regex_path=False)
router.register("events", schedules.EventViewSet, basename="event")
router.register("event-dates", schedules.EventDateViewSet, basename="event-date")
router.register("event-slots", schedules.EventSlotViewSet, basename="event-slot")
router.register("registrations", views.RegistrationViewSet, basename="registration")
router.register("households", views.HouseholdViewSet, basename="household")
router.register("check-ins", attendance.CheckInViewSet, basename="check-in")

_ONE = "registrations/<int:registration_id>"

urlpatterns = [
    path("", include(router.urls)),
    path(f"{_ONE}/qr.svg", downloads.QrView.as_view(), name="registration-qr"),
    path(f"{_ONE}/calendar.ics", downloads.CalendarView.as_view(), name="registration-calendar"),
    path("auth/token/", tokens.ObtainView.as_view(), name="token-obtain"),
    path("auth/token/refresh/", tokens.RefreshView.as_view(), name="token-refresh"),
    path("auth/token/verify/", tokens.VerifyView.as_view(), name="token-verify"),
    path("<path:anything>", errors.NothingHere.as_view()),
]
