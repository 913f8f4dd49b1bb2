"""The trail in the words that staff read: what was done, by whom, and what it did to a counter."""

from audit.models import AuditEvent, CheckIn

ACTOR_KINDS = {"participant": "Participant", "staff": "Staff", "system": "The system"}


def actor_kind(record: AuditEvent | CheckIn) -> str:
    return ACTOR_KINDS.get(record.actor_kind, record.actor_kind)


def counter_change(event: AuditEvent) -> str:
    """What the event did to `reserved`; empty if it did nothing.

    Without the count before and after: of two events in one transaction (a cancellation and the
    promotion that follows) each has seen the counter as it stood before both.
    """
    if not event.delta:
        return ""
    places = "place" if abs(event.delta) == 1 else "places"
    return f"{abs(event.delta)} {places} {'taken' if event.delta > 0 else 'given back'}"


def notes(event: AuditEvent) -> str:
    """What else the event records, in sentences."""
    details = event.details
    sentences = []
    if reason := details.get("override_reason"):
        sentences.append(f"Booking was closed; staff overrode that. Reason: {reason}")
    if attendees := details.get("attendees"):
        sentences.append(f"Attendees: household members {', '.join(map(str, attendees))}.")
    if about_household := household(event):
        sentences.append(about_household)
    if event.action == AuditEvent.Action.AMBIGUOUS:
        applied = "was applied" if details.get("applied") else "was not applied"
        sentences.append(f"The database could not say whether the change arrived; it {applied}.")
    return " ".join(sentences)


_FIELDS = {
    "first_name": "first name",
    "last_name": "last name",
    "date_of_birth": "birth date",
    "is_active": "whether they belong to the household",
    "is_head_of_household": "who is the head",
    "zip_code": "ZIP code",
}
_NOTES = {"other": "The note", "proxy": "The note on who may pick up"}


def household(event: AuditEvent) -> str:
    """What an event about a household, or a note, did: which fields, never what they hold."""
    details, action = event.details, event.action
    if action == AuditEvent.Action.HOUSEHOLD_ENROLLED:
        count = details.get("people", 1)
        return f"{count} {'person' if count == 1 else 'people'}."
    if action == AuditEvent.Action.HOUSEHOLD_CHANGED:
        return _changes(details.get("changed", {}), len(details.get("added", [])))
    if action == AuditEvent.Action.NOTE_CHANGED:
        kind = details.get("note", "")
        return f"{_NOTES.get(kind, f'The {kind} note')} was {details.get('was', 'changed')}."
    if action == AuditEvent.Action.HOUSEHOLD_MERGED:
        if into := details.get("into_household"):
            return f"Merged into household number {into}."
        return f"Household number {details.get('merged_household')} was merged into this one."
    return ""


def _changes(changed: dict[str, list[str]], added: int) -> str:
    fields = sorted({field for names in changed.values() for field in names})
    sentences = []
    if fields:
        names = ", ".join(_FIELDS.get(field, field) for field in fields)
        sentences.append(f"Changed: {names}.")
    if added:
        sentences.append(f"Added: {added} {'person' if added == 1 else 'people'}.")
    return " ".join(sentences)
