"""The three groups of staff. Administrators may rename them or add to them: they are theirs."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

LOOK = {
    "registrations": ["eventregistration", "household", "householdmember", "eventstatus"],
    "schedules": ["event", "eventdate", "eventhour", "eventslot"],
    "audit": ["checkin"],
}
FRONT_DESK = {f"view_{model}" for models in LOOK.values() for model in models} | {
    "attend_eventregistration"
}
COORDINATOR = FRONT_DESK | {"cancel_eventregistration", "view_auditevent"}
ADMINISTRATOR = COORDINATOR | {
    f"{verb}_{model}" for verb in ("view", "add", "change") for model in ("user", "group")
}


def make_groups(apps, schema_editor):
    using = schema_editor.connection.alias
    for label in ("auth", *LOOK):  # they are made after all migrations; here they are needed now
        create_permissions(installed.get_app_config(label), using=using, verbosity=0)
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    groups = {
        "Front desk": FRONT_DESK,
        "Coordinator": COORDINATOR,
        "Administrator": ADMINISTRATOR,
    }
    for name, codenames in groups.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*Permission.objects.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("registrations", "0004_staff_rights"),
        ("audit", "0001_trail"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
