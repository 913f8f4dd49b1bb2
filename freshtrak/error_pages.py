"""Pages that only show a message: they need neither the admin's layout nor a database."""

from django.http import HttpResponse
from django.template.loader import render_to_string


def page(title: str, text: str, *, status: int, retry_after: int) -> HttpResponse:
    """`retry_after` in seconds."""
    body = render_to_string("freshtrak/notice.html", {"title": title, "text": text})
    return HttpResponse(body, status=status, headers={"Retry-After": str(retry_after)})
