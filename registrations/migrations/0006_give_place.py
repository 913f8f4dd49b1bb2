"""The right to give a free place to somebody who waits, by default for everybody at the gate."""

from django.db import migrations

CODENAME, TITLE = "give_place_eventregistration", "Can give a free place to somebody who waits"
GROUPS = ("Front desk", "Coordinator", "Administrator")


def make_groups(apps, schema_editor):
    """Adds the right to the groups of these names; renamed or deleted ones are left as they are."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    content_type, _ = ContentType.objects.get_or_create(
        app_label="registrations", model="eventregistration"
    )
    right, _ = Permission.objects.get_or_create(
        content_type=content_type, codename=CODENAME, defaults={"name": TITLE}
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
        group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0005_delays")]
    operations = [
        migrations.AlterModelOptions(
            name="eventregistration",
            options={
                "permissions": [
                    ("attend_eventregistration", "Can check in, undo it and mark no-shows"),
                    ("cancel_eventregistration", "Can cancel registrations"),
                    ("walk_in_eventregistration", "Can register walk-ins at the gate"),
                    ("move_eventregistration", "Can move registrations"),
                    ("promote_eventregistration", "Can promote from the waitlist"),
                    ("export_eventregistration", "Can export registrations"),
                    (CODENAME, TITLE),
                ],
                "verbose_name": "registration",
            },
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
