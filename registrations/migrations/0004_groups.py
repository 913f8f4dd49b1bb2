"""The three groups of staff. Administrators may rename them or add to them: they are theirs."""

from django.db import migrations

MODELS = {
    ("registrations", "eventregistration"): "registration",
    ("registrations", "household"): "household",
    ("registrations", "householdmember"): "household member",
    ("registrations", "eventstatus"): "event status",
    ("schedules", "event"): "event",
    ("schedules", "eventdate"): "event date",
    ("schedules", "eventhour"): "event hour",
    ("schedules", "eventslot"): "event slot",
    ("audit", "checkin"): "check in",
    ("audit", "auditevent"): "audit event",
    ("auth", "user"): "user",
    ("auth", "group"): "group",
}
ACTIONS = {
    "attend": "Can check in, undo it and mark no-shows",
    "cancel": "Can cancel registrations",
    "walk_in": "Can register walk-ins at the gate",
    "move": "Can move registrations",
    "promote": "Can promote from the waitlist",
    "export": "Can export registrations",
    "give_place": "Can give a free place to somebody who waits",
    "report": "Can see the service report",
}

FRONT_DESK = {
    f"view_{model}" for app, model in MODELS if app != "auth" and model != "auditevent"
} | {f"{verb}_eventregistration" for verb in ("attend", "walk_in", "give_place")}
COORDINATOR = FRONT_DESK | {
    "view_auditevent",
    *(
        f"{verb}_eventregistration"
        for verb in ("add", "change", "cancel", "move", "promote", "export", "report")
    ),
}
ADMINISTRATOR = COORDINATOR | {
    f"{verb}_{model}" for verb in ("view", "add", "change") for model in ("user", "group")
}
GROUPS = {"Front desk": FRONT_DESK, "Coordinator": COORDINATOR, "Administrator": ADMINISTRATOR}


def permissions(apps):
    """Every permission by its codename. Django makes them after all migrations; they are needed
    now."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    made = {}
    for (app, model), name in MODELS.items():
        content_type, _ = ContentType.objects.get_or_create(app_label=app, model=model)
        titles = {f"{verb}_{model}": f"Can {verb} {name}" for verb in ("view", "add", "change")}
        if model == "eventregistration":
            titles |= {f"{action}_{model}": title for action, title in ACTIONS.items()}
        for codename, title in titles.items():
            made[codename], _ = Permission.objects.get_or_create(
                content_type=content_type, codename=codename, defaults={"name": title}
            )
    return made


def make_groups(apps, schema_editor):
    made = permissions(apps)
    Group = apps.get_model("auth", "Group")
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*(made[codename] for codename in codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("registrations", "0003_statuses"),
        ("audit", "0001_trail"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
