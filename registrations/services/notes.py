"""Notes of staff: standing ones on a household, and one on a registration.

The trail keeps that a note changed, when and by whom; the text is only in the note, so it can be
erased. Nothing here is shown to participants.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.trail import Actor
from freshtrak.databases import PRIVATE
from registrations.errors import ChangedMeanwhile, FieldError, HouseholdNotResolved, InvalidRequest
from registrations.models import EventRegistration, Household, Note
from registrations.services import facts
from registrations.services.retry import retried

LONGEST = 500
"""Characters of a note."""

Texts = Mapping[str, str]
"""The text of each kind of note. Empty: there is none."""


@retried
def write_standing(household_id: int, *, texts: Texts, seen: Texts, by: Actor) -> None:
    """Writes or erases the standing notes of a household.

    `seen` is what the person had before them: only what differs from it is written. Raises
    InvalidRequest, HouseholdNotResolved, and ChangedMeanwhile if somebody has changed the same note
    since; then nothing is written.
    """
    now, action = timezone.now(), AuditEvent.Action.NOTE_CHANGED
    try:
        with transaction.atomic(using=PRIVATE, durable=True):
            for kind, was in _write(texts, seen, by=by, at=now, household_id=household_id).items():
                facts.record_household(action, household_id, by=by, at=now, note=kind, was=was)
            # Last, because a note locks the row of its household by the foreign key: if a merge
            # has deleted the household meanwhile, this sees it.
            if not Household.objects.filter(pk=household_id, deleted_on=None).exists():
                raise HouseholdNotResolved
    except IntegrityError as error:
        raise ChangedMeanwhile from error


@retried
def write(registration: EventRegistration, *, text: str, seen: str, by: Actor) -> None:
    """Writes or erases the note on a registration, as `write_standing` does."""
    now, kind, action = timezone.now(), Note.Kind.OTHER.value, AuditEvent.Action.NOTE_CHANGED
    texts, before = {kind: text}, {kind: seen}
    try:
        with transaction.atomic(using=PRIVATE, durable=True):
            for was in _write(
                texts, before, by=by, at=now, registration_id=registration.pk
            ).values():
                facts.record(action, registration, by=by, at=now, note=kind, was=was)
    except IntegrityError as error:
        raise ChangedMeanwhile from error


def _write(texts: Texts, seen: Texts, *, by: Actor, at: datetime, **owner: int) -> dict[str, str]:
    """Writes the notes that differ from what was seen; returns "added", "changed" or "erased"."""
    texts = {kind: text.strip() for kind, text in texts.items()}
    changed = {kind for kind, text in texts.items() if text != seen.get(kind, "").strip()}
    _check({kind: texts[kind] for kind in changed})
    notes = {note.kind: note for note in Note.objects.filter(kind__in=changed, **owner)}
    result = {}
    for kind in sorted(changed):
        note, text = notes.get(kind), texts[kind]
        if (note.text if note else "") == text:
            continue
        if (note.text if note else "") != seen.get(kind, "").strip():
            raise ChangedMeanwhile
        if note is None:
            _insert(kind, text, by=by, at=at, **owner)
            result[kind] = "added"
        else:
            _replace(note, text, by=by, at=at)
            result[kind] = "changed" if text else "erased"
    return result


def _insert(kind: str, text: str, *, by: Actor, at: datetime, **owner: int) -> None:
    # The unique index refuses the second of two people who write the first note at once.
    Note.objects.create(
        kind=kind,
        text=text,
        created_at=at,
        updated_at=at,
        added_by=by.legacy_id,
        last_updated_by=by.legacy_id,
        **owner,
    )


def _replace(note: Note, text: str, *, by: Actor, at: datetime) -> None:
    """Erases the row if there is no text. Of two people who change it at once, one is
    refused; and so is who changes it while a merge moves it."""
    as_read = Note.objects.filter(pk=note.pk, updated_at=note.updated_at)
    if text:
        written = as_read.update(
            text=text,
            updated_at=max(at, note.updated_at + timedelta(microseconds=1)),
            last_updated_by=by.legacy_id,
        )
    else:
        written, _ = as_read.delete()
    if not written:
        raise ChangedMeanwhile


def _check(texts: Texts) -> None:
    errors = [
        FieldError(kind, "too_long", f"A note has at most {LONGEST} characters.")
        for kind, text in texts.items()
        if len(text) > LONGEST
    ]
    if errors:
        raise InvalidRequest(*errors)
