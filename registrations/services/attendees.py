"""Which members of the household come."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE, execute
from freshtrak.databases import ids as marks
from registrations.errors import InvalidStatus, TryAgain
from registrations.models import EventRegistration, HouseholdMember, Status
from registrations.queries import households, registrations
from registrations.queries.details import BeforeCommit, RegistrationDetails
from registrations.services import booking_rules, facts
from registrations.services.retry import retried


@retried
def change(
    registration: EventRegistration,
    *,
    attendee_ids: Sequence[int],
    by: Actor,
    before_commit: BeforeCommit | None = None,
) -> EventRegistration:
    """Replaces the attendees; the place stays as it is.

    Raises InvalidRequest, HouseholdNotResolved, InvalidStatus unless it is confirmed or waits, and
    EventPast for a participant after the day.
    """
    now = timezone.now()
    booking_rules.check_day(registration, now, by=by)
    registrations.reload(registration)
    status = registration.event_status
    if status is None or registration.status not in {Status.CONFIRMED, Status.WAITLISTED}:
        raise InvalidStatus(f"A {registration.status_in_words} registration cannot be changed.")
    members = households.attendees(registration.household_id or 0, attendee_ids)
    before = households.attending(registration, None)
    with transaction.atomic(using=PRIVATE, durable=True):
        # First, because it locks the row while the attendees change.
        registration.transition_to(status, at=now, by=by.legacy_id)
        registration.attendees.exclude(household_member_id__in=attendee_ids).delete()
        write(registration, [member for member in members if member.pk not in before])
        facts.record(
            AuditEvent.Action.ATTENDEES_CHANGED,
            registration,
            by=by,
            at=now,
            attendees=list(attendee_ids),
            before=before,
        )
        if before_commit:
            before_commit(RegistrationDetails(registration, attendees=members))
    return registration


def write(registration: EventRegistration, members: Sequence[HouseholdMember]) -> None:
    """Adds attendees with the registration's stamps, in the caller's transaction.

    Raises TryAgain if one of them is not, or no longer, an active member of the household. The
    registration, just written, locks the row of its household by the foreign key: a merge is
    either over, and has taken the members away, or waits for the caller's commit.
    """
    if not members:
        return
    by, at = registration.last_updated_by, registration.updated_at
    ids = [member.pk for member in members]
    order = " ".join("WHEN %s THEN %s" for _ in ids)
    written = execute(
        PRIVATE,
        _INSERT.format(ids=marks(ids), order=order),
        *(registration.pk, by, by, at, at),
        *(*ids, registration.household_id),
        *(value for place, member_id in enumerate(ids) for value in (member_id, place)),
    )
    if written != len(ids):
        raise TryAgain("An attendee has left the household.")


_INSERT = """
    INSERT INTO event_registration_members (event_registration_id, household_member_id,
                                            added_by, last_updated_by, created_at, updated_at)
    SELECT %s, member.id, %s, %s, %s, %s FROM household_members member
    WHERE member.id IN ({ids}) AND member.household_id = %s AND member.is_active = 1
    ORDER BY CASE member.id {order} END
"""
