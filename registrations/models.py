"""freshtrak_private: households, their registrations, and the answers given under a key.

The first five tables exist in every installation, and other services write households and
members. Rows that adoption could not place have no `event_date` (and perhaps no household or
status); they stay readable and take part in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from registrations import confirmation_codes
from schedules.appointments import Appointment
from schedules.counters import Target


def _spelt(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


class Status(models.TextChoices):
    """The five names in `event_statuses`."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CANCELLED = "cancelled"
    CHECKED_IN = "checked_in"
    NO_SHOW = "no_show"

    @classmethod
    def parse(cls, name: str) -> Status | None:
        """The status that a row means, however spelt ("Checked In"); None if it is none of ours.

        An installation may have names of its own: STATUS_ALIASES tells what they mean.
        """
        spelt = _spelt(name)
        if spelt not in cls.values:  # our own names keep their meaning, whatever is set
            spelt = _spelt(settings.STATUS_ALIASES.get(spelt, ""))
        return cls(spelt) if spelt in cls.values else None


HOLDING = frozenset({Status.CONFIRMED, Status.CHECKED_IN, Status.NO_SHOW})
"""Statuses that hold a place and are counted in `reserved`."""


class Stamped(models.Model):
    """The columns that every table of freshtrak_private fills: when, and by which user id."""

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    added_by = models.IntegerField(default=0)
    last_updated_by = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Household(Stamped):
    number = models.IntegerField()
    name = models.CharField(max_length=255)
    identification_code = models.CharField(max_length=255, unique=True)
    deleted_by = models.IntegerField(null=True)
    deleted_on = models.DateTimeField(null=True)

    class Meta:
        db_table = "households"

    def __str__(self) -> str:
        return self.name

    @property
    def is_gone(self) -> bool:
        return self.deleted_on is not None


class HouseholdMember(models.Model):
    household = models.ForeignKey(Household, models.PROTECT, null=True, related_name="members")
    user_id = models.BigIntegerField(null=True, db_index=True)
    number = models.IntegerField(null=True)
    first_name = models.CharField(max_length=255)
    middle_name = models.CharField(max_length=255, null=True)
    last_name = models.CharField(max_length=255)
    date_of_birth = models.DateField()
    is_head_of_household = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    added_by = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    gender_id = models.BigIntegerField(null=True)
    suffix_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "household_members"

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class EventStatus(Stamped):
    name = models.CharField(max_length=255)

    class Meta:
        db_table = "event_statuses"
        verbose_name_plural = "event statuses"

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> Status | None:
        return Status.parse(self.name)


class EventRegistrationQuerySet(models.QuerySet["EventRegistration"]):
    def at(self, target: Target) -> EventRegistrationQuerySet:
        """Registrations for one slot or one date-only date."""
        return self.filter(at_target(target))

    def waiting(self) -> EventRegistrationQuerySet:
        """The waitlist, head first."""
        return self.filter(waitlisted_at__isnull=False).order_by("waitlisted_at", "pk")

    def active(self) -> EventRegistrationQuerySet:
        """All but cancelled."""
        return self.filter(cancelled_at=None)


PLACE_FIELDS = (
    "event_status",
    "event_id",
    "event_date_id",
    "event_slot_id",
    "waitlisted_at",
    "cancelled_at",
    "checked_in_at",
    "updated_at",
    "last_updated_by",
)
"""What a change of place may change in a registration's row."""


def at_target(target: Target, prefix: str = "") -> Q:
    """The condition that a registration is for `target`."""
    if target.is_date:
        return Q(**{f"{prefix}event_date_id": target.id, f"{prefix}event_slot_id": None})
    return Q(**{f"{prefix}event_slot_id": target.id})


class EventRegistration(Stamped):
    """A household's place, or its place in the queue, at a slot or a date-only date."""

    household = models.ForeignKey(
        Household, models.PROTECT, null=True, related_name="registrations"
    )
    event_status = models.ForeignKey(
        EventStatus, models.PROTECT, null=True, related_name="registrations"
    )
    # Rows of freshtrak_public by number: no relation crosses the two databases.
    event_id = models.BigIntegerField(null=True)
    event_date_id = models.BigIntegerField(null=True)
    event_slot_id = models.BigIntegerField(null=True)  # NULL: the date itself is booked
    waitlisted_at = models.DateTimeField(null=True)  # in the queue since; NULL when not waiting
    cancelled_at = models.DateTimeField(null=True)
    checked_in_at = models.DateTimeField(null=True)
    active = models.GeneratedField(
        expression=Case(When(cancelled_at__isnull=True, then=Value(1)), default=None),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )

    objects = EventRegistrationQuerySet.as_manager()

    # What the row does not hold, added by `listing.show` and by the services.
    waitlist_position: int | None = None
    appointment: Appointment | None = None
    attending: Sequence[HouseholdMember] = ()

    class Meta:
        db_table = "event_registrations"
        verbose_name = "registration"
        permissions = [
            ("attend_eventregistration", "Can check in, undo it and mark no-shows"),
            ("cancel_eventregistration", "Can cancel registrations"),
            ("walk_in_eventregistration", "Can register walk-ins at the gate"),
            ("move_eventregistration", "Can move registrations"),
            ("promote_eventregistration", "Can let the waitlist move up"),
            ("export_eventregistration", "Can export registrations"),
        ]
        constraints = [
            # One place per household and date. `active` is NULL for cancelled rows, and NULLs
            # never collide: MySQL has no partial unique index.
            models.UniqueConstraint(
                fields=["household", "event_date_id", "active"],
                name="one_active_registration_per_date",
            ),
            models.CheckConstraint(
                condition=Q(waitlisted_at=None) | Q(cancelled_at=None),
                name="cancelled_waits_for_nothing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["event_slot_id", "event_status", "waitlisted_at"],
                name="registration_slot_tally",
            ),
            models.Index(fields=["event_slot_id", "waitlisted_at"], name="registration_slot_queue"),
            models.Index(
                fields=["event_date_id", "event_slot_id", "event_status", "waitlisted_at"],
                name="registration_date_tally",
            ),
            models.Index(fields=["event_date_id", "waitlisted_at"], name="registration_date_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.confirmation_code} (household {self.household_id})"

    @property
    def status(self) -> Status | None:
        return self.event_status.status if self.event_status else None

    @property
    def is_placed(self) -> bool:
        """Whether it names a slot or date at all: an adopted row may not."""
        return self.event_slot_id is not None or self.event_date_id is not None

    @property
    def target(self) -> Target:
        """The slot, or date-only date, whose counter this registration counts on."""
        return Target.of(event_slot_id=self.event_slot_id, event_date_id=self.event_date_id)

    def become(self, status: EventStatus, *, at: datetime, by: int) -> bool:
        """Writes status and place in one UPDATE, stamped with time and user id.

        False, and nothing is written, if the row was changed since it was read: each change
        makes `updated_at` later.
        """
        seen = EventRegistration.objects.filter(
            pk=self.pk, event_status_id=self.event_status_id, updated_at=self.updated_at
        )
        self.event_status = status
        self.updated_at = max(at, self.updated_at + timedelta(microseconds=1))
        self.last_updated_by = by
        return bool(seen.update(**{field: getattr(self, field) for field in PLACE_FIELDS}))

    @property
    def confirmation_code(self) -> str:
        """What a person says at the desk; see `confirmation_codes`."""
        return confirmation_codes.encode(self.pk)


class EventRegistrationMember(Stamped):
    """One attendee of a registration."""

    event_registration = models.ForeignKey(
        EventRegistration, models.CASCADE, null=True, related_name="attendees"
    )
    household_member = models.ForeignKey(
        HouseholdMember, models.PROTECT, null=True, related_name="attendances"
    )

    class Meta:
        db_table = "event_registration_members"
        constraints = [
            models.UniqueConstraint(
                fields=["event_registration", "household_member"], name="attendee_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.household_member_id} of {self.event_registration_id}"


class IdempotencyRecord(models.Model):
    """The answer to a request that carried an `Idempotency-Key`, written with its effect."""

    # SHA-256 over caller and key: exact in every collation, and one column wide.
    digest = models.CharField(max_length=64, primary_key=True)
    fingerprint = models.CharField(max_length=64)  # SHA-256 over method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "idempotency_records"

    def __str__(self) -> str:
        return self.digest[:12]

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, force_insert=True, **kwargs)
