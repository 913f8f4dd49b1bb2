"""What the groups may do at the desk beside looking, checking in and cancelling."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

FRONT_DESK = {"walk_in_eventregistration"}
COORDINATOR = FRONT_DESK | {
    f"{verb}_eventregistration" for verb in ("add", "change", "move", "promote", "export")
}


def grant(apps, schema_editor):
    config = installed.get_app_config("registrations")
    create_permissions(config, using=schema_editor.connection.alias, verbosity=0)
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    groups = {
        "Front desk": FRONT_DESK,
        "Coordinator": COORDINATOR,
        "Administrator": COORDINATOR,
    }
    for name, codenames in groups.items():
        for group in Group.objects.filter(name=name):  # an administrator may have renamed it
            group.permissions.add(*Permission.objects.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [("registrations", "0005_groups")]
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
                    ("promote_eventregistration", "Can let the waitlist move up"),
                    ("export_eventregistration", "Can export registrations"),
                ],
            },
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
