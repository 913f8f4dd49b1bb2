"""ZIP codes of households, notes of staff, and who may enter households, write notes and merge.

Only new tables: `households` and `household_members` stay as other services know them.
"""

from django.db import migrations, models
from django.db.models import deletion
from django.utils import timezone

PERMISSIONS = {
    "enrol_household": "Can enter new households and edit them",
    "note_household": "Can write notes on households and registrations",
    "merge_household": "Can merge two households",
}
FRONT_DESK = {"enrol_household", "note_household"}
GROUPS = {
    "Front desk": FRONT_DESK,
    "Coordinator": FRONT_DESK,
    "Administrator": FRONT_DESK | {"merge_household"},
}


def make_groups(apps, schema_editor):
    """Gives the groups their new permissions, where they still have their names."""
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    household, _ = ContentType.objects.get_or_create(app_label="registrations", model="household")
    for codename, name in PERMISSIONS.items():
        permission, _ = Permission.objects.get_or_create(
            content_type=household, codename=codename, defaults={"name": name}
        )
        for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
            if codename in GROUPS[group.name]:
                group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0005_delays")]

    operations = [
        migrations.AlterModelOptions("household", {"permissions": list(PERMISSIONS.items())}),
        migrations.CreateModel(
            name="HouseholdProfile",
            fields=[
                (
                    "household",
                    models.OneToOneField(
                        on_delete=deletion.PROTECT,
                        primary_key=True,
                        related_name="profile",
                        serialize=False,
                        to="registrations.household",
                    ),
                ),
                ("zip_code", models.CharField(blank=True, default="", max_length=10)),
                (
                    "merged_into",
                    models.ForeignKey(
                        null=True,
                        on_delete=deletion.PROTECT,
                        related_name="merged_profiles",
                        to="registrations.household",
                    ),
                ),
            ],
            options={"db_table": "household_profiles"},
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now)),
                ("updated_at", models.DateTimeField(default=timezone.now)),
                ("added_by", models.IntegerField(default=0)),
                ("last_updated_by", models.IntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("allergy", "Allergy"),
                            ("delivery", "Delivery"),
                            ("language", "Language"),
                            ("other", "Note"),
                            ("proxy", "May pick up"),
                            ("wheelchair", "Wheelchair"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField()),
                (
                    "household",
                    models.ForeignKey(
                        null=True,
                        on_delete=deletion.PROTECT,
                        related_name="notes",
                        to="registrations.household",
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        null=True,
                        on_delete=deletion.CASCADE,
                        related_name="notes",
                        to="registrations.eventregistration",
                    ),
                ),
            ],
            options={
                "db_table": "staff_notes",
                "ordering": ["kind"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "kind"), name="one_standing_note_a_kind"
                    ),
                    models.UniqueConstraint(
                        fields=("registration", "kind"), name="one_note_a_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(household=None, registration__isnull=False)
                        | models.Q(household__isnull=False, registration=None),
                        name="note_on_one_thing",
                    ),
                ],
            },
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
