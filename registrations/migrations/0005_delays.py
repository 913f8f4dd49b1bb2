from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registrations", "0004_groups")]
    operations = [
        migrations.CreateModel(
            name="Delay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_date_id", models.BigIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("since", models.CharField(max_length=5)),
                ("minutes", models.PositiveIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("actor_id", models.CharField(max_length=255)),
                ("begun_at", models.DateTimeField()),
            ],
            options={"db_table": "delays"},
        ),
        migrations.AddConstraint(
            model_name="delay",
            constraint=models.UniqueConstraint(
                fields=("event_date_id", "number"), name="one_delay_of_each_number"
            ),
        ),
    ]
