"""The permission to see the service report, for those who may export."""

from django.db import migrations

CODENAME = "report_eventregistration"
GROUPS = ("Coordinator", "Administrator")


def make_groups(apps, schema_editor):
    """Gives the permission to the groups that still have their names."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="registrations", model="eventregistration"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename=CODENAME,
        defaults={"name": "Can see the service report"},
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0006_give_place")]
    operations = [
        migrations.AlterModelOptions(
            name="eventregistration",
            options={
                "verbose_name": "registration",
                "permissions": [
                    ("attend_eventregistration", "Can check in, undo it and mark no-shows"),
                    ("cancel_eventregistration", "Can cancel registrations"),
                    ("walk_in_eventregistration", "Can register walk-ins at the gate"),
                    ("move_eventregistration", "Can move registrations"),
                    ("promote_eventregistration", "Can promote from the waitlist"),
                    ("export_eventregistration", "Can export registrations"),
                    (
                        "give_place_eventregistration",
                        "Can give a free place to somebody who waits",
                    ),
                    ("report_eventregistration", "Can see the service report"),
                ],
            },
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
