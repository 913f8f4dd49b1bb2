"""Facts about households. The index of a registration's trail also finds that of a household."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_no_show_undone")]

    operations = [
        migrations.AlterField(
            "auditevent",
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
        migrations.AddIndex(
            "auditevent",
            models.Index(fields=["registration_id", "household_id"], name="audit_event_subject"),
        ),
        migrations.AlterField("auditevent", "registration_id", models.BigIntegerField(null=True)),
    ]
