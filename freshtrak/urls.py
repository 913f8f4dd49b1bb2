from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from freshtrak import health, log_in, metrics
from freshtrak.api import problems

admin.site.site_header = admin.site.site_title = "FreshTrak Registrations"
admin.site.index_title = "The desk"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False  # a tablet has no room for it; the base template has links

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("admin/login/", log_in.log_in),
    path("admin/", admin.site.urls),
    path("api/v1/", include("freshtrak.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(template_name="freshtrak/docs.html"),
        name="docs",
    ),
    path("api/errors/", problems.documentation, name="errors"),
]

handler400 = "freshtrak.api.problems.bad_request"
handler404 = "freshtrak.api.problems.not_found"
handler500 = "freshtrak.api.problems.server_error"
