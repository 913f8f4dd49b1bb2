"""The append-only trail: what happened to a registration, by whom, and what it did to a counter."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.formats import date_format
from django.utils.timezone import localtime


class AppendOnlyQuerySet(models.QuerySet["AuditEvent"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("The audit trail is append-only.")


class AppendOnly(models.Model):
    """Rows are inserted, and never changed or deleted through the model."""

    class Meta:
        abstract = True

    def save(self, **options: Any) -> None:
        """Inserts the row. Raises TypeError for one that exists."""
        if self.pk is not None:
            raise TypeError("The audit trail is append-only.")
        super().save(**options)

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise TypeError("The audit trail is append-only.")


class AuditEvent(AppendOnly):
    """One fact about one registration, written in the transaction of what it tells.

    (An `ambiguous` one is about a target: what became of a movement of its counter could not be
    known, and the reading was chosen that can only undersell. One about a household as such names
    no registration. None holds a name, a birth date or the text of a note: those can be erased.)
    """

    class Action(models.TextChoices):
        REGISTERED = "registered", "Registered"
        WAITLISTED = "waitlisted", "Joined the waitlist"
        PROMOTED = "promoted", "Promoted from the waitlist"
        CANCELLED = "cancelled", "Cancelled"
        MOVED_FROM = "moved_from", "Moved away"
        MOVED_TO = "moved_to", "Moved here"
        ATTENDEES_CHANGED = "attendees_changed", "Attendees changed"
        CHECKED_IN = "checked_in", "Checked in"
        CHECK_IN_UNDONE = "check_in_undone", "Check-in undone"
        NO_SHOW = "no_show", "No-show"
        NO_SHOW_UNDONE = "no_show_undone", "No-show undone"
        AMBIGUOUS = "ambiguous", "Counter unclear"
        HOUSEHOLD_ENROLLED = "household_enrolled", "Household entered"
        HOUSEHOLD_CHANGED = "household_changed", "Household changed"
        HOUSEHOLD_MERGED = "household_merged", "Households merged"
        NOTE_CHANGED = "note_changed", "Note changed"

    at = models.DateTimeField("when", db_index=True)
    action = models.CharField("what", max_length=32, choices=Action.choices)
    registration_id = models.BigIntegerField(null=True)
    household_id = models.BigIntegerField(null=True)
    event_date_id = models.BigIntegerField(null=True)
    event_slot_id = models.BigIntegerField(null=True)  # NULL: the date itself was the target
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=255, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    delta = models.IntegerField(default=0)
    """By how much `reserved` of the target (and of its date) moves with this event."""
    reserved_seen = models.IntegerField(null=True)
    """`reserved` of the target under the lock, before the movement."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        db_table = "audit_events"
        verbose_name = "trail entry"
        verbose_name_plural = "trail entries"
        indexes = [
            # The trail of a registration; with NULL, that of a household as such.
            models.Index(fields=["registration_id", "household_id"], name="audit_event_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}, {date_format(localtime(self.at), 'DATETIME_FORMAT')}"


class CheckIn(AppendOnly):
    """A check-in, or its undoing: who did it, when, and which attendees came.

    It names the registration and the place by number. What these mean (event, day, time) is
    joined from freshtrak_public when it is read.
    """

    class Action(models.TextChoices):
        CHECK_IN = "check_in", "Checked in"
        UNDO = "undo", "Check-in undone"

    at = models.DateTimeField("when", db_index=True)
    action = models.CharField("what", max_length=16, choices=Action.choices)
    registration_id = models.BigIntegerField(db_index=True)
    household_id = models.BigIntegerField(null=True)
    event_date_id = models.BigIntegerField(null=True, db_index=True)
    event_slot_id = models.BigIntegerField(null=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=255, blank=True)
    household_member_ids = models.JSONField(default=list)
    attendee_count = models.PositiveIntegerField(default=0)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        db_table = "check_ins"
        verbose_name = "check-in"

    def __str__(self) -> str:
        return f"{self.get_action_display()}, {date_format(localtime(self.at), 'DATETIME_FORMAT')}"
