from django.urls import path

from registrations.api import views

_ONE = "registrations/<int:registration_id>/"

urlpatterns = [
    path("registrations/", views.RegistrationList.as_view(), name="registration-list"),
    path(_ONE, views.RegistrationDetail.as_view(), name="registration-detail"),
    path(f"{_ONE}cancel/", views.RegistrationCancel.as_view(), name="registration-cancel"),
    path(f"{_ONE}move/", views.RegistrationMove.as_view(), name="registration-move"),
    path(f"{_ONE}check-in/", views.RegistrationCheckIn.as_view(), name="registration-check-in"),
    path(
        f"{_ONE}undo-check-in/",
        views.RegistrationUndoCheckIn.as_view(),
        name="registration-undo-check-in",
    ),
    path(f"{_ONE}no-show/", views.RegistrationNoShow.as_view(), name="registration-no-show"),
    path(f"{_ONE}history/", views.RegistrationHistory.as_view(), name="registration-history"),
    path(f"{_ONE}qr.svg", views.RegistrationQr.as_view(), name="registration-qr"),
    path(f"{_ONE}calendar.ics", views.RegistrationCalendar.as_view(), name="registration-calendar"),
    path("households/me/", views.MyHousehold.as_view(), name="household-me"),
    path("check-ins/", views.CheckInList.as_view(), name="check-in-list"),
]
