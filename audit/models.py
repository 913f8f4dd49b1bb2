"""The append-only trail: what happened to a registration, by whom, and what it did to a counter."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def delete(self) -> Any:
        raise TypeError("The audit trail is append-only.")


class AppendOnly(models.Model):
    """Rows are inserted, and never changed or deleted through the model."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Inserts the row. Raises TypeError for one that exists."""
        if self.pk is not None:
            raise TypeError("The audit trail is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("The audit trail is append-only.")


class AuditEventQuerySet(AppendOnlyQuerySet):
    def unsettled(self) -> AuditEventQuerySet:
        """Events whose counter movement is not known to be committed."""
        return self.filter(settled_at=None)


class AuditEvent(AppendOnly):
    """One fact about one registration.

    An event that moves a counter is written in the private transaction of its effect, unsettled;
    it becomes settled when the public commit is known. Until then `delta`, `last_update_seen`
    and `last_update_written` are the evidence from which the next operation on that target, or
    `settle`, finds out whether the counter moved.
    """

    class Action(models.TextChoices):
        REGISTERED = "registered"
        WAITLISTED = "waitlisted"
        PROMOTED = "promoted"
        CANCELLED = "cancelled"
        MOVED_FROM = "moved_from"
        MOVED_TO = "moved_to"
        ATTENDEES_CHANGED = "attendees_changed"
        CHECKED_IN = "checked_in"
        CHECK_IN_UNDONE = "check_in_undone"
        NO_SHOW = "no_show"

    at = models.DateTimeField()
    action = models.CharField(max_length=32, choices=Action.choices)
    registration_id = models.BigIntegerField(db_index=True)
    household_id = models.BigIntegerField(null=True)
    event_date_id = models.BigIntegerField(null=True)
    event_slot_id = models.BigIntegerField(null=True)  # NULL: the date itself was the target
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=255, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    delta = models.SmallIntegerField(default=0)
    """By how much `reserved` of the target (and of its date) moves with this event."""
    reserved_seen = models.IntegerField(null=True)
    """`reserved` of the target under the lock, before the movement."""
    # The public server's own clock, as it stands there (schedules.counters.Marker).
    last_update_seen = models.DateTimeField(null=True)
    last_update_written = models.DateTimeField(null=True)
    seen_was_past = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True)
    ambiguous = models.BooleanField(default=False)
    """Settled without proof, on the side that can only undersell: another system wrote since."""

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        db_table = "audit_events"
        indexes = [
            # Partial indexes do not exist on MySQL; NULLs of settled_at stand together in these.
            models.Index(fields=["settled_at", "event_slot_id"], name="audit_unsettled_slot"),
            models.Index(fields=["settled_at", "event_date_id"], name="audit_unsettled_date"),
            # Few rows are true: read to explain a drift, and as a metric.
            models.Index(fields=["ambiguous"], name="audit_ambiguous"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(delta=0) | Q(settled_at=F("at")) | Q(last_update_written__isnull=False),
                name="audit_unsettled_has_marker",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.registration_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class CheckIn(AppendOnly):
    """A check-in, or its undoing: who did it, when, and which attendees came.

    It names the registration and the place by number. What these mean (event, day, time) is
    joined from freshtrak_public when it is read.
    """

    class Action(models.TextChoices):
        CHECK_IN = "check_in"
        UNDO = "undo"

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=16, choices=Action.choices)
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

    def __str__(self) -> str:
        return f"{self.action} {self.registration_id} at {self.at:%Y-%m-%d %H:%M:%S}"
