import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, router

from freshtrak.databases import PRIVATE, PUBLIC, PUBLIC_READ, from_replica
from registrations.models import EventRegistration, Household
from schedules.models import EventSlot


def test_schedules_live_in_public_and_everything_else_in_private() -> None:
    for model in apps.get_models():
        home = PUBLIC if model._meta.app_label == "schedules" else PRIVATE
        assert (router.db_for_read(model), router.db_for_write(model)) == (home, home)


def test_only_marked_reads_of_schedules_go_to_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    @from_replica
    def homes() -> list[str]:
        return [
            router.db_for_read(EventSlot),
            router.db_for_read(Household),
            router.db_for_write(EventSlot),
            router.db_for_write(Household),
        ]

    without_replica = homes()
    monkeypatch.setitem(connections.settings, PUBLIC_READ, connections.settings[PUBLIC])

    assert without_replica == [PUBLIC, PRIVATE, PUBLIC, PRIVATE]
    assert homes() == [PUBLIC_READ, PRIVATE, PUBLIC, PRIVATE]
    assert router.db_for_read(EventSlot) == PUBLIC


def test_public_and_schedules_are_never_migrated() -> None:
    labels = [config.label for config in apps.get_app_configs()]

    for alias in (PUBLIC, PUBLIC_READ):
        assert not any(router.allow_migrate(alias, label) for label in labels)
    assert not router.allow_migrate(PRIVATE, "schedules")
    assert router.allow_migrate(PRIVATE, "registrations")
    assert router.allow_migrate(PRIVATE, "audit")


def test_no_relation_crosses_the_databases() -> None:
    assert not router.allow_relation(EventRegistration(), EventSlot())
    assert router.allow_relation(EventRegistration(), Household())


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
