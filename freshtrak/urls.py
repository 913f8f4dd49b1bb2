from django.contrib import admin
from django.urls import include, path

from freshtrak import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("api/v1/", include("freshtrak.api.urls")),
]

handler404 = "freshtrak.api.problems.not_found"
handler500 = "freshtrak.api.problems.server_error"
