"""The five statuses, where they do not stand already, however spelt."""

from django.db import migrations

from registrations.models import Status


def add_missing(apps, schema_editor):
    rows = apps.get_model("registrations", "EventStatus").objects
    present = {Status.parse(name) for name in rows.values_list("name", flat=True)}
    for status in Status:
        if status not in present:
            rows.create(name=status.value)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0002_booking")]
    operations = [migrations.RunPython(add_missing, migrations.RunPython.noop)]
