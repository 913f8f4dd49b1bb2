"""The admin site of the desk: titles, log-in, and the pages beside the lists."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver

from freshtrak import error_pages
from freshtrak.api import throttling
from registrations.desk import urls


class DeskSite(AdminSite):
    site_header = site_title = "FreshTrak Registrations"
    index_title = "The desk"
    site_url = None
    enable_nav_sidebar = False  # no room on a tablet; the base template has links instead

    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Throttled by address: axes locks one name, this slows down guessing across many."""
        wait = throttling.log_in_wait(request) if request.method == "POST" else None
        if wait is not None:
            return error_pages.page(
                "Too many log-ins from this address",
                "Wait a minute, then try again.",
                status=429,
                retry_after=wait,
            )
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*urls.urlpatterns(self.admin_view), *super().get_urls()]
