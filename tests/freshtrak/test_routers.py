from django.apps import apps
from django.core.management import call_command
from django.db import router

from freshtrak.databases import PRIVATE, PUBLIC
from registrations.models import EventRegistration, Household
from schedules.models import EventSlot


def test_schedules_live_in_public_and_everything_else_in_private() -> None:
    for model in apps.get_models():
        home = PUBLIC if model._meta.app_label == "schedules" else PRIVATE
        assert (router.db_for_read(model), router.db_for_write(model)) == (home, home)


def test_public_and_schedules_are_never_migrated() -> None:
    labels = [config.label for config in apps.get_app_configs()]

    assert not any(router.allow_migrate(PUBLIC, label) for label in labels)
    assert not router.allow_migrate(PRIVATE, "schedules")
    assert router.allow_migrate(PRIVATE, "registrations")
    assert router.allow_migrate(PRIVATE, "audit")


def test_no_relation_crosses_the_databases() -> None:
    assert not router.allow_relation(EventRegistration(), EventSlot())
    assert router.allow_relation(EventRegistration(), Household())


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
