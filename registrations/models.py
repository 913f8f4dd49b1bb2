"""freshtrak_private: households, their registrations, and the answers given under a key.

The first five tables exist in every installation, and other services write households and
members. Rows that adoption could not place have no `event_date` (and perhaps no household or
status); they stay readable and take part in nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from freshtrak.databases import PRIVATE, Row, SqlValue, insert, moment
from registrations import confirmation_codes
from registrations.errors import StaleRegistration
from schedules.counters import Marker, Movement
from schedules.targets import Kind, Target


def _spelt(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


class Status(models.TextChoices):
    """The five names in `event_statuses`."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CANCELLED = "cancelled"
    CHECKED_IN = "checked_in", "Checked in"
    NO_SHOW = "no_show", "No-show"

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


UNKNOWN_BIRTH_DATE = date(1900, 1, 1)
"""Stands in `household_members.date_of_birth`, which is NOT NULL, where nobody knows the birth
date: other services understand it so. It is never shown; see `HouseholdMember.birth_date`."""


class Timestamped(models.Model):
    """The columns that every table of freshtrak_private fills: when, and by which user id."""

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    added_by = models.IntegerField(default=0)
    last_updated_by = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Household(Timestamped):
    number = models.IntegerField()
    name = models.CharField(max_length=255)
    identification_code = models.CharField(max_length=255, unique=True)
    deleted_by = models.IntegerField(null=True)
    deleted_on = models.DateTimeField(null=True)

    class Meta:
        db_table = "households"
        permissions = [
            ("enrol_household", "Can enter new households and edit them"),
            ("note_household", "Can write notes on households and registrations"),
            ("merge_household", "Can merge two households"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_deleted(self) -> bool:
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

    @property
    def birth_date(self) -> date | None:
        """None if it is not known."""
        return None if self.date_of_birth == UNKNOWN_BIRTH_DATE else self.date_of_birth


class HouseholdProfile(models.Model):
    """What we know of a household beside its row in `households`, a table that others share.

    A household without a row here has nothing to tell.
    """

    household = models.OneToOneField(
        Household, models.PROTECT, primary_key=True, related_name="profile"
    )
    zip_code = models.CharField(max_length=10, blank=True, default="")
    merged_into = models.ForeignKey(
        Household, models.PROTECT, null=True, related_name="merged_profiles"
    )
    """The household that took over this one, which is deleted since."""

    class Meta:
        db_table = "household_profiles"

    def __str__(self) -> str:
        return f"profile of household {self.household_id}"


class EventStatus(Timestamped):
    name = models.CharField(max_length=255)

    class Meta:
        db_table = "event_statuses"
        verbose_name_plural = "event statuses"

    def __str__(self) -> str:
        return self.name

    @cached_property
    def status(self) -> Status | None:
        return Status.parse(self.name)


class EventRegistrationQuerySet(models.QuerySet["EventRegistration"]):
    def at(self, target: Target) -> EventRegistrationQuerySet:
        """Registrations for one slot or one date-only date."""
        return self.filter(at_targets(target.kind, [target.id]))

    def waiting(self) -> EventRegistrationQuerySet:
        """The waitlist, head first."""
        return self.filter(waitlisted_at__isnull=False).order_by("waitlisted_at", "pk")

    def active(self) -> EventRegistrationQuerySet:
        """All but cancelled."""
        return self.filter(cancelled_at=None)


def at_targets(kind: Kind, ids: Collection[int]) -> Q:
    """The condition that a registration is for one of these slots, or date-only dates."""
    if kind is Kind.DATE:
        return Q(event_date_id__in=ids, event_slot_id=None)
    return Q(event_slot_id__in=ids)


class EventRegistration(Timestamped):
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

    class Meta:
        db_table = "event_registrations"
        verbose_name = "registration"
        permissions = [
            ("attend_eventregistration", "Can check in, undo it and mark no-shows"),
            ("cancel_eventregistration", "Can cancel registrations"),
            ("walk_in_eventregistration", "Can register walk-ins at the gate"),
            ("move_eventregistration", "Can move registrations"),
            ("promote_eventregistration", "Can promote from the waitlist"),
            ("export_eventregistration", "Can export registrations"),
            ("give_place_eventregistration", "Can give a free place to somebody who waits"),
            ("report_eventregistration", "Can see the service report"),
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
            # With the slot, so that a date's waiting rows are counted without those that hold.
            models.Index(
                fields=["event_date_id", "waitlisted_at", "event_slot_id"],
                name="registration_date_queue",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.confirmation_code} (household {self.household_id})"

    @property
    def status(self) -> Status | None:
        return self.event_status.status if self.event_status else None

    @property
    def status_in_words(self) -> str:
        """As an adjective before "registration": "waitlisted", "checked-in", …"""
        if self.status:
            return self.status.label.lower().replace(" ", "-")
        return f"{self.event_status or 'statusless'}".lower()

    @property
    def is_placed(self) -> bool:
        """Whether it names a slot or date at all: an adopted row may not."""
        return self.event_slot_id is not None or self.event_date_id is not None

    @property
    def target(self) -> Target:
        """The slot, or date-only date, whose counter this registration counts on."""
        return Target.of(event_slot_id=self.event_slot_id, event_date_id=self.event_date_id)

    @classmethod
    def insert(
        cls,
        *,
        household_id: int,
        event_status: EventStatus,
        event_id: int,
        event_date_id: int,
        event_slot_id: int | None,
        waitlisted_at: datetime | None,
        at: datetime,
        by: int,
    ) -> EventRegistration:
        """Inserts a registration, stamped with time and user id."""
        columns: dict[str, Any] = {
            "household_id": household_id,
            "event_status_id": event_status.pk,
            "event_id": event_id,
            "event_date_id": event_date_id,
            "event_slot_id": event_slot_id,
            "waitlisted_at": waitlisted_at,
            "added_by": by,
            "last_updated_by": by,
            "created_at": at,
            "updated_at": at,
        }
        registration = cls(id=insert(PRIVATE, "event_registrations", **columns), **columns)
        registration.event_status = event_status
        registration._state.adding = False
        return registration

    def transition_to(self, status: EventStatus, *, at: datetime, by: int, **changes: Any) -> None:
        """Writes the status and exactly these changes in one UPDATE, stamped with time and user id.

        Guarded by what was read: of two devices, or of a check-in and a cancellation at once, one
        finds the row changed. Each change makes `updated_at` later. Raises StaleRegistration, and
        then neither row nor object is changed.
        """
        values = {
            "event_status": status,
            "updated_at": max(at, self.updated_at + timedelta(microseconds=1)),
            "last_updated_by": by,
            **changes,
        }
        as_read = EventRegistration.objects.filter(
            pk=self.pk, event_status_id=self.event_status_id, updated_at=self.updated_at
        )
        if not as_read.update(**values):
            raise StaleRegistration
        for field, value in values.items():
            setattr(self, field, value)

    @property
    def confirmation_code(self) -> str:
        """What a person says at the desk; see `confirmation_codes`."""
        return confirmation_codes.encode(self.pk)


class EventRegistrationMember(Timestamped):
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


class Note(Timestamped):
    """What staff should know of a household, always or at one registration. For staff alone.

    The text is here and nowhere else, so that erasing the row erases it.
    """

    class Kind(models.TextChoices):
        ALLERGY = "allergy", "Allergy"
        DELIVERY = "delivery", "Delivery"
        LANGUAGE = "language", "Language"
        OTHER = "other", "Note"
        PROXY = "proxy", "May pick up"
        WHEELCHAIR = "wheelchair", "Wheelchair"

    household = models.ForeignKey(Household, models.PROTECT, null=True, related_name="notes")
    registration = models.ForeignKey(
        EventRegistration, models.CASCADE, null=True, related_name="notes"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    text = models.TextField()

    class Meta:
        db_table = "staff_notes"
        ordering = ["kind"]
        constraints = [
            # Of the two columns one is NULL, and NULLs never collide.
            models.UniqueConstraint(fields=["household", "kind"], name="one_standing_note_a_kind"),
            models.UniqueConstraint(fields=["registration", "kind"], name="one_note_a_kind"),
            models.CheckConstraint(
                condition=Q(household=None, registration__isnull=False)
                | Q(household__isnull=False, registration=None),
                name="note_on_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} note"


@dataclass(frozen=True)
class Pending:
    """A movement of the public counter that is not known to be committed."""

    movement: Movement
    marker: Marker
    since: datetime
    refused: bool = False
    """Public did not take it: its owner has told so."""


class Ledger(models.Model):
    """What freshtrak_private knows of one target, and the mutex of all that is decided about it.

    Counts are written in the transaction of the rows that they count. At most one movement of the
    public counter is pending. docs/protocol.md tells the whole story.
    """

    pk = models.CompositePrimaryKey("kind", "target_id")
    kind = models.CharField(max_length=4, choices=[(kind.value, kind.value) for kind in Kind])
    target_id = models.BigIntegerField()
    holding = models.IntegerField(default=0)
    waiting = models.IntegerField(default=0)
    last_waitlisted_at = models.DateTimeField(null=True)
    """When the last who joined the queue did so; the next is put behind."""
    version = models.BigIntegerField(default=0)
    """Grows with each operation, so that a late mark clears nothing of a later one."""
    ambiguous = models.IntegerField(default=0)
    """How often a movement was folded here without proof."""

    pending_since = models.DateTimeField(null=True)
    """NULL: nothing is pending."""
    pending_delta = models.IntegerField(default=0)
    pending_by_date = models.JSONField(default=dict)
    # The public server's own clock, as it stands there (schedules.counters.Marker).
    last_update_seen = models.DateTimeField(null=True)
    last_update_written = models.DateTimeField(null=True)
    seen_was_past = models.BooleanField(default=False)
    refused = models.BooleanField(default=False)
    """The owner of what is pending has told that public did not take it."""

    class Meta:
        db_table = "ledgers"
        indexes = [
            # Partial indexes do not exist on MySQL. Nearly all rows are NULL, and 0.
            models.Index(fields=["pending_since"], name="ledger_pending"),
            models.Index(fields=["ambiguous"], name="ledger_ambiguous"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(pending_since=None) | Q(last_update_written__isnull=False),
                name="ledger_pending_has_marker",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.holding} hold, {self.waiting} wait"

    COLUMNS: ClassVar = (
        "kind",
        "target_id",
        "holding",
        "waiting",
        "last_waitlisted_at",
        "version",
        "ambiguous",
        "pending_since",
        "pending_delta",
        "pending_by_date",
        "last_update_seen",
        "last_update_written",
        "seen_was_past",
        "refused",
    )

    @classmethod
    def from_row(cls, row: Row) -> Ledger:
        """The ledger that a statement has read, its columns in the order of COLUMNS."""
        ledger = cls.from_db(PRIVATE, cls.COLUMNS, row)
        ledger.last_waitlisted_at = moment(ledger.last_waitlisted_at)
        ledger.pending_since = moment(ledger.pending_since)
        ledger.last_update_seen = moment(ledger.last_update_seen)
        ledger.last_update_written = moment(ledger.last_update_written)
        ledger.pending_by_date = json.loads(ledger.pending_by_date)
        return ledger

    @property
    def target(self) -> Target:
        return Target(Kind(self.kind), self.target_id)

    @property
    def pending(self) -> Pending | None:
        if self.pending_since is None:
            return None
        assert self.last_update_written is not None  # a check constraint holds it
        by_date = {int(day): delta for day, delta in self.pending_by_date.items()}
        marker = Marker(
            seen=self.last_update_seen,
            written=self.last_update_written,
            seen_was_past=self.seen_was_past,
        )
        movement = Movement(self.pending_delta, by_date)
        return Pending(movement, marker, self.pending_since, self.refused)

    @pending.setter
    def pending(self, pending: Pending | None) -> None:
        for column, value in pending_columns(pending).items():
            setattr(self, column, value)


def pending_columns(pending: Pending | None) -> dict[str, SqlValue]:
    """The columns of a ledger that say what is pending, if anything."""
    if pending is None:
        return {"pending_since": None, "pending_delta": 0, "pending_by_date": {}}
    return {
        "pending_since": pending.since,
        "pending_delta": pending.movement.delta,
        "pending_by_date": {str(day): delta for day, delta in pending.movement.by_date.items()},
        "last_update_seen": pending.marker.seen,
        "last_update_written": pending.marker.written,
        "seen_was_past": pending.marker.seen_was_past,
        "refused": pending.refused,
    }


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


class Delay(models.Model):
    """Everything on a date from a time on goes to the slots some minutes later: begun once.

    The number is the guard: of two people who begin the next delay of a date at once, one finds it
    begun.
    """

    event_date_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    """1 is the first delay of its date."""
    since = models.CharField(max_length=5)  # "09:00": slots that start then or later
    minutes = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    actor_id = models.CharField(max_length=255)
    begun_at = models.DateTimeField()

    class Meta:
        db_table = "delays"
        constraints = [
            models.UniqueConstraint(
                fields=["event_date_id", "number"], name="one_delay_of_each_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.minutes} minutes from {self.since} on"
