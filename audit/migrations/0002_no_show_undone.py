from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_trail")]

    operations = [
        migrations.AlterField(
            model_name="auditevent",
            name="action",
            field=models.CharField(
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
                ],
                max_length=32,
                verbose_name="what",
            ),
        ),
    ]
