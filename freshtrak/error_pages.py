"""Pages that only show a message, in the desk's look: they need no database.

And what Django answers by itself (400, 404, 500, a form that is out of date): a page for people at
the desk, a problem document for everybody else.
"""

from urllib.parse import urlsplit

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from freshtrak.api import errors

DESK = "/admin/"


def page(
    title: str,
    text: str,
    *,
    status: int,
    retry_after: int | None = None,
    link: tuple[str, str] | None = None,
) -> HttpResponse:
    """`retry_after` in seconds; `link` is an address and its text."""
    # Without the request: its user, session and messages would ask the database.
    body = render_to_string(
        "freshtrak/notice.html",
        {
            "title": title,
            "text": text,
            "link": link,
            "site_header": admin.site.site_header,
            "site_title": admin.site.site_title,
        },
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return HttpResponse(body, status=status, headers=headers)


def came_from(request: HttpRequest) -> str | None:
    """The page of ours on which the person pressed a button; None if the browser does not say."""
    url = request.META.get("HTTP_REFERER", "")
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        return None
    parts = urlsplit(url)
    if parts.path == reverse("admin:login"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _is_for_people(request: HttpRequest) -> bool:
    return request.path.startswith(DESK)


def _to_the_desk() -> tuple[str, str]:
    return reverse("admin:index"), "To the desk"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from before the last log-in, or from another site: nothing was done."""
    if not _is_for_people(request):
        return errors.refuse(
            "permission_denied", "This request did not come from a page of this service."
        )
    return page(
        "This page is out of date",
        "Nothing was changed. Somebody has logged in or out since the page was opened, or the "
        "browser refuses cookies. Open the page again, and do it again.",
        status=403,
        link=(came_from(request) or reverse("admin:index"), "Open the page again"),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_for_people(request):
        return errors.refuse("not_found", "No such address.")
    return page(
        "There is no such page",
        "Perhaps the address has a typing error, or what it showed is gone.",
        status=404,
        link=_to_the_desk(),
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_for_people(request):
        return errors.refuse("invalid", errors.SUSPICIOUS)
    return page("This cannot be read", errors.SUSPICIOUS, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    if not _is_for_people(request):
        return errors.refuse("server_error", "Something went wrong here. It has been logged.")
    return page(
        "Something went wrong here",
        "It has been logged. Look at the day before you do it again: it may have worked. If it "
        f"happens again, tell the person who runs the service this number: {_number(request)}.",
        status=500,
        link=_to_the_desk(),
    )


def _number(request: HttpRequest) -> str:
    return request.META.get("HTTP_X_REQUEST_ID", "none")
