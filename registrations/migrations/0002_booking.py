"""From one registration per household, ever, to one active registration per household and date.

The three wrong unique indexes go, with every row kept. What makes an existing row take part in
the new rule (its `event_date_id`) is adoption's business: until then NULL keeps it out.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registrations", "0001_existing_tables")]
    operations = [
        migrations.RemoveConstraint(
            "eventregistration", "index_event_registrations_on_household_id"
        ),
        migrations.RemoveConstraint(
            "eventregistrationmember", "index_event_registration_members_on_event_registration_id"
        ),
        migrations.RemoveConstraint(
            "eventregistrationmember", "index_event_registration_members_on_household_member_id"
        ),
        migrations.AddField(
            "eventregistration", "event_date_id", models.BigIntegerField(null=True)
        ),
        migrations.AddField("eventregistration", "event_id", models.BigIntegerField(null=True)),
        migrations.AddField("eventregistration", "waitlisted_at", models.DateTimeField(null=True)),
        migrations.AddField("eventregistration", "cancelled_at", models.DateTimeField(null=True)),
        migrations.AddField("eventregistration", "checked_in_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "eventregistration", "event_slot_id", models.BigIntegerField(null=True)
        ),
        migrations.AddField(
            "eventregistration",
            "active",
            models.GeneratedField(
                expression=models.Case(
                    models.When(cancelled_at__isnull=True, then=models.Value(1)), default=None
                ),
                output_field=models.SmallIntegerField(null=True),
                db_persist=True,
            ),
        ),
        migrations.AddIndex(
            "eventregistration",
            models.Index(
                fields=["event_slot_id", "event_status", "waitlisted_at"],
                name="registration_slot_tally",
            ),
        ),
        migrations.AddIndex(
            "eventregistration",
            models.Index(fields=["event_slot_id", "waitlisted_at"], name="registration_slot_queue"),
        ),
        migrations.AddIndex(
            "eventregistration",
            models.Index(
                fields=["event_date_id", "event_slot_id", "event_status", "waitlisted_at"],
                name="registration_date_tally",
            ),
        ),
        migrations.AddIndex(
            "eventregistration",
            models.Index(
                fields=["event_date_id", "waitlisted_at", "event_slot_id"],
                name="registration_date_queue",
            ),
        ),
        migrations.AddConstraint(
            "eventregistration",
            models.UniqueConstraint(
                fields=("household", "event_date_id", "active"),
                name="one_active_registration_per_date",
            ),
        ),
        migrations.AddConstraint(
            "eventregistration",
            models.CheckConstraint(
                condition=models.Q(waitlisted_at=None) | models.Q(cancelled_at=None),
                name="cancelled_waits_for_nothing",
            ),
        ),
        migrations.AddConstraint(
            "eventregistrationmember",
            models.UniqueConstraint(
                fields=("event_registration", "household_member"), name="attendee_once"
            ),
        ),
        migrations.AlterModelOptions(
            "eventregistration",
            {
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
        migrations.CreateModel(
            name="Ledger",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind",
                        "target_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=[("slot", "slot"), ("date", "date")], max_length=4),
                ),
                ("target_id", models.BigIntegerField()),
                ("holding", models.IntegerField(default=0)),
                ("waiting", models.IntegerField(default=0)),
                ("last_waitlisted_at", models.DateTimeField(null=True)),
                ("version", models.BigIntegerField(default=0)),
                ("ambiguous", models.IntegerField(default=0)),
                ("pending_since", models.DateTimeField(null=True)),
                ("pending_delta", models.IntegerField(default=0)),
                ("pending_by_date", models.JSONField(default=dict)),
                ("last_update_seen", models.DateTimeField(null=True)),
                ("last_update_written", models.DateTimeField(null=True)),
                ("seen_was_past", models.BooleanField(default=False)),
                ("refused", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "ledgers",
                "indexes": [
                    models.Index(fields=["pending_since"], name="ledger_pending"),
                    models.Index(fields=["ambiguous"], name="ledger_ambiguous"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(pending_since=None)
                        | models.Q(last_update_written__isnull=False),
                        name="ledger_pending_has_marker",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("body", models.JSONField()),
                ("created_at", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "idempotency_records"},
        ),
    ]
