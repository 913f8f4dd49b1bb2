from django.urls import path

from registrations.api import views

urlpatterns = [
    path("registrations/", views.RegistrationList.as_view(), name="registration-list"),
    path(
        "registrations/<int:registration_id>/",
        views.RegistrationDetail.as_view(),
        name="registration-detail",
    ),
    path(
        "registrations/<int:registration_id>/cancel/",
        views.RegistrationCancel.as_view(),
        name="registration-cancel",
    ),
    path(
        "registrations/<int:registration_id>/move/",
        views.RegistrationMove.as_view(),
        name="registration-move",
    ),
]
