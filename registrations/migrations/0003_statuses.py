"""The five statuses, where they do not stand already, however spelt."""

from django.conf import settings
from django.db import migrations

STATUSES = ("confirmed", "waitlisted", "cancelled", "checked_in", "no_show")


def spelt(name):
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def meaning(name):
    name = spelt(name)
    return name if name in STATUSES else spelt(settings.STATUS_ALIASES.get(name, ""))


def add_missing(apps, schema_editor):
    rows = apps.get_model("registrations", "EventStatus").objects
    present = {meaning(name) for name in rows.values_list("name", flat=True)}
    for name in STATUSES:
        if name not in present:
            rows.create(name=name)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0002_booking")]
    operations = [migrations.RunPython(add_missing, migrations.RunPython.noop)]
