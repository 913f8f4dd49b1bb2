from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from freshtrak import health, metrics
from freshtrak.api import errors

to_the_desk = RedirectView.as_view(pattern_name="admin:index")

urlpatterns = [
    path("", to_the_desk),
    path("admin", to_the_desk),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/", include("freshtrak.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(template_name="freshtrak/docs.html"),
        name="docs",
    ),
    path("api/errors/", errors.documentation, name="errors"),
]

handler400 = "freshtrak.error_pages.bad_request"
handler404 = "freshtrak.error_pages.not_found"
handler500 = "freshtrak.error_pages.server_error"
