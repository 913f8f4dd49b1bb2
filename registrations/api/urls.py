from django.urls import path

from registrations.api import attendance, tickets, views

_ONE = "registrations/<int:registration_id>/"

urlpatterns = [
    path("registrations/", views.RegistrationList.as_view(), name="registration-list"),
    path(_ONE, views.RegistrationDetail.as_view(), name="registration-detail"),
    path(f"{_ONE}cancel/", views.RegistrationCancel.as_view(), name="registration-cancel"),
    path(f"{_ONE}move/", views.RegistrationMove.as_view(), name="registration-move"),
    path(
        f"{_ONE}check-in/", attendance.RegistrationCheckIn.as_view(), name="registration-check-in"
    ),
    path(
        f"{_ONE}undo-check-in/",
        attendance.RegistrationUndoCheckIn.as_view(),
        name="registration-undo-check-in",
    ),
    path(f"{_ONE}no-show/", attendance.RegistrationNoShow.as_view(), name="registration-no-show"),
    path(f"{_ONE}history/", views.RegistrationHistory.as_view(), name="registration-history"),
    path(f"{_ONE}qr.svg", tickets.RegistrationQr.as_view(), name="registration-qr"),
    path(
        f"{_ONE}calendar.ics", tickets.RegistrationCalendar.as_view(), name="registration-calendar"
    ),
    path("households/me/", views.MyHousehold.as_view(), name="household-me"),
    path("check-ins/", attendance.CheckInList.as_view(), name="check-in-list"),
]
