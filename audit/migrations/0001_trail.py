from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True, verbose_name="when")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("registered", "Registered"),
                            ("waitlisted", "Joined the waitlist"),
                            ("promoted", "Promoted from the waitlist"),
                            ("cancelled", "Cancelled"),
                            ("moved_from", "Moved away"),
                            ("moved_to", "Moved here"),
                            ("attendees_changed", "Attendees changed"),
                            ("checked_in", "Checked in"),
                            ("check_in_undone", "Check-in undone"),
                            ("no_show", "No-show"),
                            ("no_show_undone", "No-show undone"),
                            ("ambiguous", "Counter unclear"),
                            ("household_enrolled", "Household entered"),
                            ("household_changed", "Household changed"),
                            ("household_merged", "Households merged"),
                            ("note_changed", "Note changed"),
                        ],
                        max_length=32,
                        verbose_name="what",
                    ),
                ),
                ("registration_id", models.BigIntegerField(null=True)),
                ("household_id", models.BigIntegerField(null=True)),
                ("event_date_id", models.BigIntegerField(null=True)),
                ("event_slot_id", models.BigIntegerField(null=True)),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(blank=True, max_length=255)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("details", models.JSONField(default=dict)),
                ("delta", models.IntegerField(default=0)),
                ("reserved_seen", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "audit_events",
                "verbose_name": "trail entry",
                "verbose_name_plural": "trail entries",
                "indexes": [
                    models.Index(
                        fields=["registration_id", "household_id"], name="audit_event_subject"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CheckIn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True, verbose_name="when")),
                (
                    "action",
                    models.CharField(
                        choices=[("check_in", "Checked in"), ("undo", "Check-in undone")],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                ("registration_id", models.BigIntegerField(db_index=True)),
                ("household_id", models.BigIntegerField(null=True)),
                ("event_date_id", models.BigIntegerField(db_index=True, null=True)),
                ("event_slot_id", models.BigIntegerField(null=True)),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(blank=True, max_length=255)),
                ("household_member_ids", models.JSONField(default=list)),
                ("attendee_count", models.PositiveIntegerField(default=0)),
            ],
            options={
                "db_table": "check_ins",
                "verbose_name": "check-in",
            },
        ),
    ]
