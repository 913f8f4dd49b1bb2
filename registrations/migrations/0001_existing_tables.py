"""The tables as an installation has them that existed before this service.

A fresh database gets the same tables, an existing one keeps its own: `migrate` alone adopts it,
and from here on both take the same steps to the same schema.
"""

from django.db import migrations, models
from django.db.models import deletion
from django.utils import timezone

MYSQL = """
CREATE TABLE IF NOT EXISTS `households` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `number` int NOT NULL,
  `name` varchar(255) NOT NULL,
  `identification_code` varchar(255) NOT NULL,
  `added_by` int NOT NULL,
  `last_updated_by` int NOT NULL,
  `deleted_by` int DEFAULT NULL,
  `deleted_on` datetime DEFAULT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `index_households_on_identification_code` (`identification_code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `household_members` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `household_id` bigint DEFAULT NULL,
  `user_id` bigint DEFAULT NULL,
  `number` int DEFAULT NULL,
  `first_name` varchar(255) NOT NULL,
  `middle_name` varchar(255) DEFAULT NULL,
  `last_name` varchar(255) NOT NULL,
  `date_of_birth` date NOT NULL,
  `is_head_of_household` tinyint(1) NOT NULL DEFAULT 0,
  `is_active` tinyint(1) NOT NULL DEFAULT 1,
  `added_by` varchar(255) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `gender_id` bigint DEFAULT NULL,
  `suffix_id` bigint DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `index_household_members_on_household_id` (`household_id`),
  KEY `index_household_members_on_user_id` (`user_id`),
  CONSTRAINT `fk_household_members_household` FOREIGN KEY (`household_id`) REFERENCES `households` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `event_statuses` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `name` varchar(255) NOT NULL,
  `added_by` int NOT NULL,
  `last_updated_by` int NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `event_registrations` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `household_id` bigint DEFAULT NULL,
  `event_slot_id` int NOT NULL,
  `added_by` int NOT NULL,
  `last_updated_by` int NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `event_status_id` bigint DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `index_event_registrations_on_household_id` (`household_id`),
  KEY `fk_rails_618ce10cb0` (`event_status_id`),
  CONSTRAINT `fk_event_registrations_household` FOREIGN KEY (`household_id`) REFERENCES `households` (`id`),
  CONSTRAINT `fk_rails_618ce10cb0` FOREIGN KEY (`event_status_id`) REFERENCES `event_statuses` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `event_registration_members` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `event_registration_id` bigint DEFAULT NULL,
  `household_member_id` bigint DEFAULT NULL,
  `added_by` int NOT NULL,
  `last_updated_by` int NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `index_event_registration_members_on_event_registration_id` (`event_registration_id`),
  UNIQUE KEY `index_event_registration_members_on_household_member_id` (`household_member_id`),
  CONSTRAINT `fk_erm_registration` FOREIGN KEY (`event_registration_id`) REFERENCES `event_registrations` (`id`),
  CONSTRAINT `fk_erm_member` FOREIGN KEY (`household_member_id`) REFERENCES `household_members` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
"""  # noqa: E501

TABLES = [
    "Household",
    "HouseholdMember",
    "EventStatus",
    "EventRegistration",
    "EventRegistrationMember",
]


def create_missing_tables(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor == "mysql":
        for statement in connection.ops.prepare_sql_script(MYSQL):
            schema_editor.execute(statement, params=None)
        return
    existing = connection.introspection.table_names()
    for name in TABLES:
        model = apps.get_model("registrations", name)
        if model._meta.db_table not in existing:
            schema_editor.create_model(model)


def stamps():
    return [
        ("created_at", models.DateTimeField(default=timezone.now)),
        ("updated_at", models.DateTimeField(default=timezone.now)),
        ("added_by", models.IntegerField(default=0)),
        ("last_updated_by", models.IntegerField(default=0)),
    ]


def key():
    field = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    return [("id", field)]


def link(model, on_delete, related_name):
    return models.ForeignKey(
        null=True,
        on_delete=on_delete,
        related_name=related_name,
        to=f"registrations.{model}",
    )


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Household",
                    options={"db_table": "households"},
                    fields=[
                        *key(),
                        *stamps(),
                        ("number", models.IntegerField()),
                        ("name", models.CharField(max_length=255)),
                        ("identification_code", models.CharField(max_length=255, unique=True)),
                        ("deleted_by", models.IntegerField(null=True)),
                        ("deleted_on", models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="HouseholdMember",
                    options={"db_table": "household_members"},
                    fields=[
                        *key(),
                        ("household", link("household", deletion.PROTECT, "members")),
                        ("user_id", models.BigIntegerField(db_index=True, null=True)),
                        ("number", models.IntegerField(null=True)),
                        ("first_name", models.CharField(max_length=255)),
                        ("middle_name", models.CharField(max_length=255, null=True)),
                        ("last_name", models.CharField(max_length=255)),
                        ("date_of_birth", models.DateField()),
                        ("is_head_of_household", models.BooleanField(default=False)),
                        ("is_active", models.BooleanField(default=True)),
                        ("added_by", models.CharField(max_length=255)),
                        ("created_at", models.DateTimeField()),
                        ("updated_at", models.DateTimeField()),
                        ("gender_id", models.BigIntegerField(null=True)),
                        ("suffix_id", models.BigIntegerField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="EventStatus",
                    options={"db_table": "event_statuses", "verbose_name_plural": "event statuses"},
                    fields=[*key(), *stamps(), ("name", models.CharField(max_length=255))],
                ),
                migrations.CreateModel(
                    name="EventRegistration",
                    options={
                        "db_table": "event_registrations",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=["household"],
                                name="index_event_registrations_on_household_id",
                            )
                        ],
                    },
                    fields=[
                        *key(),
                        *stamps(),
                        ("event_slot_id", models.IntegerField()),
                        ("household", link("household", deletion.PROTECT, "registrations")),
                        ("event_status", link("eventstatus", deletion.PROTECT, "registrations")),
                    ],
                ),
                migrations.CreateModel(
                    name="EventRegistrationMember",
                    options={
                        "db_table": "event_registration_members",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=["event_registration"],
                                name="index_event_registration_members_on_event_registration_id",
                            ),
                            models.UniqueConstraint(
                                fields=["household_member"],
                                name="index_event_registration_members_on_household_member_id",
                            ),
                        ],
                    },
                    fields=[
                        *key(),
                        *stamps(),
                        (
                            "event_registration",
                            link("eventregistration", deletion.CASCADE, "attendees"),
                        ),
                        (
                            "household_member",
                            link("householdmember", deletion.PROTECT, "attendances"),
                        ),
                    ],
                ),
            ]
        ),
        migrations.RunPython(create_missing_tables, migrations.RunPython.noop, atomic=False),
    ]
