"""Two households become one.

No place moves: registrations keep their slots, their places in the queue and their attendees, and
only change the household. The household that is merged away stays as a deleted one that knows who
took over; whoever has its id in a token resolves to nothing. Its members move, so a token that
names one of them by user leads to the household that stays. Stored answers under an
`Idempotency-Key` stay as they were given.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import (
    FieldError,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationsCollide,
    TryAgain,
)
from registrations.models import (
    EventRegistration,
    Household,
    HouseholdMember,
    HouseholdProfile,
    Note,
)
from registrations.queries import households
from registrations.services import facts
from registrations.services.retry import retried

Action = AuditEvent.Action


@retried
def merge(
    merged_id: int, *, into_id: int, duplicates: Mapping[int, int] | None = None, by: Actor
) -> Household:
    """Merges a household into another one, and returns that.

    `duplicates` names members of the first who are the same person as a member of the second: they
    move as inactive ones. Standing notes are joined. Raises InvalidRequest, HouseholdNotResolved,
    and RegistrationsCollide if both have an active registration on one date.
    """
    if merged_id == into_id:
        detail = "Choose another household: these two are the same."
        raise InvalidRequest(FieldError("household", "same", detail))
    now, duplicates = timezone.now(), duplicates or {}
    try:
        with transaction.atomic(using=PRIVATE, durable=True):
            _claim(merged_id, into_id, by=by, at=now)
            if households.collisions(merged_id, into_id):
                raise RegistrationsCollide
            registrations = _move_registrations(merged_id, into_id, by=by, at=now)
            members = _move_members(merged_id, into_id, duplicates, at=now)
            _join_profiles(merged_id, into_id)
            _join_notes(merged_id, into_id, by=by, at=now)
            facts.record_household(
                Action.HOUSEHOLD_MERGED,
                into_id,
                by=by,
                at=now,
                merged_household=merged_id,
                registrations=registrations,
                members=members,
                duplicates={str(duplicate): kept for duplicate, kept in duplicates.items()},
            )
            facts.record_household(
                Action.HOUSEHOLD_MERGED, merged_id, by=by, at=now, into_household=into_id
            )
    except IntegrityError as error:  # one of the two has booked that date a moment ago
        raise RegistrationsCollide from error
    return Household.objects.get(pk=into_id)


def _claim(merged_id: int, into_id: int, *, by: Actor, at: datetime) -> None:
    """Deletes the first household, and locks the rows of both until the commit, in order of id.

    A booking locks the row of its household by the foreign key. So one that is under way is either
    committed, and moves with the rest, or waits, and then finds that its members have moved.
    """
    for household_id in sorted((merged_id, into_id)):
        values: dict[str, object] = {"updated_at": at, "last_updated_by": by.legacy_id}
        if household_id == merged_id:
            values |= {"deleted_on": at, "deleted_by": by.legacy_id}
        if not Household.objects.filter(pk=household_id, deleted_on=None).update(**values):
            raise HouseholdNotResolved


def _move_registrations(merged_id: int, into_id: int, *, by: Actor, at: datetime) -> list[int]:
    """Returns their ids. Each has the merge in its own history too."""
    registrations = list(EventRegistration.objects.filter(household_id=merged_id).order_by("pk"))
    EventRegistration.objects.filter(household_id=merged_id).update(
        household_id=into_id, updated_at=at, last_updated_by=by.legacy_id
    )
    for registration in registrations:
        registration.household_id = into_id
        facts.record(
            Action.HOUSEHOLD_MERGED, registration, by=by, at=at, merged_household=merged_id
        )
    return [registration.pk for registration in registrations]


def _move_members(
    merged_id: int, into_id: int, duplicates: Mapping[int, int], *, at: datetime
) -> list[int]:
    """Returns the ids of all who moved. The household keeps its own head."""
    moving = list(HouseholdMember.objects.filter(household_id=merged_id).order_by("pk"))
    staying = {member.pk: member for member in HouseholdMember.objects.filter(household_id=into_id)}
    _check(duplicates, moving, staying)
    for member in moving:
        kept = staying.get(duplicates.get(member.pk, 0))
        member.household_id, member.is_head_of_household = into_id, False
        member.is_active = member.is_active and kept is None
        member.updated_at = at
        member.save(update_fields=["household", "is_head_of_household", "is_active", "updated_at"])
        if kept is not None and kept.user_id is None and member.user_id is not None:
            kept.user_id = member.user_id  # so that the person's account finds the household
            kept.updated_at = at
            kept.save(update_fields=["user_id", "updated_at"])
    return [member.pk for member in moving]


def _check(
    duplicates: Mapping[int, int],
    moving: Sequence[HouseholdMember],
    staying: Mapping[int, HouseholdMember],
) -> None:
    ids = {member.pk for member in moving}
    errors = [
        FieldError(f"same-{duplicate}", "not_a_member", "Choose a member of the other household.")
        for duplicate, kept in duplicates.items()
        if duplicate not in ids or kept not in staying or not staying[kept].is_active
    ]
    if errors:
        raise InvalidRequest(*errors)


def _join_profiles(merged_id: int, into_id: int) -> None:
    """The household keeps its ZIP code, or takes over the other one if it has none."""
    merged, _ = HouseholdProfile.objects.get_or_create(household_id=merged_id)
    merged.merged_into_id = into_id
    merged.save(update_fields=["merged_into"])
    if not merged.zip_code:
        return
    profile, _ = HouseholdProfile.objects.get_or_create(household_id=into_id)
    if not profile.zip_code:
        profile.zip_code = merged.zip_code
        profile.save(update_fields=["zip_code"])


def _join_notes(merged_id: int, into_id: int, *, by: Actor, at: datetime) -> None:
    """Moves the standing notes; of two of one kind the texts are put together."""
    own = {note.kind: note for note in Note.objects.filter(household_id=into_id)}
    for note in Note.objects.filter(household_id=merged_id):
        stamps = {"updated_at": at, "last_updated_by": by.legacy_id}
        kept = own.get(note.kind)
        as_read = Note.objects.filter(pk=note.pk, updated_at=note.updated_at)
        if kept is None:
            written = as_read.update(household_id=into_id, **stamps)
        else:
            written, _ = as_read.delete()
            text = kept.text if note.text in kept.text else f"{kept.text}; {note.text}"
            kept_as_read = Note.objects.filter(pk=kept.pk, updated_at=kept.updated_at)
            written = written and kept_as_read.update(text=text, **stamps)
        if not written:
            raise TryAgain("Somebody has just changed a note.")
