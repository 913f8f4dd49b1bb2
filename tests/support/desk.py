"""The desk in tests: logged-in members of staff, and what they do there."""

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from urllib.parse import urljoin

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client

from freshtrak.databases import PRIVATE
from registrations import migrations
from registrations.models import EventRegistration
from schedules.models import EventDate

LIST = "/admin/registrations/eventregistration/"


class CheapHasher(PBKDF2PasswordHasher):
    """A quarter of a second faster per password; the served application can verify it too."""

    iterations = 1


def member(group: str, name: str = "anna", password: str | None = None) -> Any:
    user = get_user_model().objects.create_user(name, password=password, is_staff=True)
    if not Group.objects.exists():  # flushed after a test that commits
        for module in sorted(module.name for module in iter_modules(migrations.__path__)):
            migration = import_module(f"{migrations.__name__}.{module}")
            if hasattr(migration, "make_groups"):
                migration.make_groups(apps, connections[PRIVATE].schema_editor())
    user.groups.add(Group.objects.get(name=group))
    return user


def log_in(group: str, name: str = "anna") -> Client:
    client = Client()
    client.force_login(member(group, name), "django.contrib.auth.backends.ModelBackend")
    return client


def act(client: Client, action: str, *rows: EventRegistration, **data: Any) -> str:
    """Chooses an action for these rows of the list; returns the text of the page that follows."""
    chosen = [row.pk for row in rows]
    response = client.post(
        LIST, {"action": action, "_selected_action": chosen, **data}, follow=True
    )
    return text_of(response)


def confirm(client: Client, action: str, *rows: EventRegistration, **data: Any) -> str:
    return act(client, action, *rows, confirmed="yes", **data)


def page(client: Client, path: str, **query: Any) -> str:
    response = client.get(urljoin(LIST, path), query, follow=True)
    assert response.status_code == 200, path
    return text_of(response)


def post(client: Client, path: str, **data: Any) -> str:
    return text_of(client.post(urljoin(LIST, path), data, follow=True))


def text_of(response: Any) -> str:
    """What a person reads on a page: no tags, single spaces."""
    body = re.sub(r"<(script|style|title|head).*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def day(row: EventDate) -> str:
    return f"days/{row.pk}/"
