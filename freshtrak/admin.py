"""The admin site of the desk: titles, log-in, the front page, and the pages beside the lists."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import urlencode

from freshtrak import error_pages, sessions
from freshtrak.api import throttling
from registrations.desk import common, landing, urls

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

UNDONE = "undone"
"""In the log-in's address: what the person sent before it was not done."""
NOTHING_DONE = "You were logged out. Nothing was changed; please do it again."


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
                link=(request.get_full_path(), "Log in"),
            )
        was_undone = UNDONE in request.GET
        if request.method == "GET" and self.has_permission(request):  # in another tab
            answer: HttpResponse = redirect(common.next_url(request, reverse("admin:index")))
        else:
            if was_undone and request.method == "GET":
                messages.warning(request, "You were logged out. Nothing was changed: log in again.")
            answer = super().login(request, extra_context)
            if answer.status_code == 302:
                sessions.begin(request)
        if was_undone and answer.status_code == 302:
            messages.warning(request, NOTHING_DONE)
        return answer

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Behind the log-in. What somebody sends after the session has ended is not done: they log
        in, and come back to the page that they sent it from."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            is_logging_out = request.path == reverse("admin:logout")
            if request.method != "POST" or is_logging_out or self.has_permission(request):
                return guarded(request, *args, **kwargs)
            here = common.next_url(request, request.get_full_path())
            query = {"next": error_pages.came_from(request) or here, UNDONE: "yes"}
            return redirect(f"{reverse('admin:login')}?{urlencode(query)}")

        return answer  # type: ignore[return-value]

    def index(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The day for the front desk, an overview for who plans; see `landing`."""
        if not common.has_permission(request, "view"):
            return super().index(request, extra_context)
        return landing.show(request)

    def everything(self, request: HttpRequest) -> TemplateResponse:
        """Django's own front page: every list that the user may see."""
        return super().index(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("all/", self.admin_view(self.everything), name="everything"),
            *urls.urlpatterns(self.admin_view),
            *super().get_urls(),
        ]
