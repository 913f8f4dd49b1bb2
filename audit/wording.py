"""The trail in the words that staff read: what was done, by whom, and what it did to a counter."""

from collections.abc import Mapping
from typing import Any

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


def notes(
    event: AuditEvent, *, people: Mapping[int, str] | None = None, expected: int | None = None
) -> str:
    """What else the event records, in sentences.

    `people` are names of household members by id; `expected` is how many were registered.
    """
    details = event.details
    sentences = []
    if minutes := details.get("delay") and details.get("minutes"):
        sentences.append(f"Moved with the whole day, {minutes} minutes later.")
    elif details.get("day_cancelled"):
        sentences.append("The whole day was cancelled.")
    elif details.get("hour_moved"):
        sentences.append("PantryTrak moved the hour to another day; the registration follows.")
    if details.get("queue_kept"):
        sentences.append("Nobody was promoted: the waitlist was kept as it was.")
    if passed_by := details.get("passed_by"):
        waited = "1 household" if passed_by == 1 else f"{passed_by} households"
        sentences.append(f"{waited} had waited longer.")
    if details.get("was") == "no_show":
        sentences.append("It was a no-show; the place went to the next who waited.")
    if details.get("place_of"):
        sentences.append("It is the place of a household that did not come.")
    if reason := details.get("reason"):
        sentences.append(f"Reason: {reason}")
    if attendees := details.get("attendees"):
        who = ", ".join((people or {}).get(each, "somebody") for each in attendees)
        if not people:
            who = f"household members {', '.join(map(str, attendees))}"
        if event.action == AuditEvent.Action.CHECKED_IN:
            of_all = f" of {expected}" if expected and expected >= len(attendees) else ""
            sentences.append(f"{len(attendees)}{of_all} came: {who}.")
        else:
            sentences.append(f"Attendees: {who}.")
    if "instead_of" in details:
        sentences.append("Was registered for another day.")
    elif why := _overridden(details):
        sentences.append(why)
    if reason := details.get("override_reason"):
        sentences.append(f"Reason: {reason}")
    if day := _ON_DAY.get(details.get("day", "")):
        sentences.append(day)
    if details.get("close_out"):
        is_undone = event.action == AuditEvent.Action.NO_SHOW_UNDONE
        sentences.append("The close-out was undone." if is_undone else "By closing out the day.")
    if about_household := household(event):
        sentences.append(about_household)
    if event.action == AuditEvent.Action.AMBIGUOUS:
        applied = "was applied" if details.get("applied") else "was not applied"
        sentences.append(f"The database could not say whether the change arrived; it {applied}.")
    return " ".join(sentences)


_ON_DAY = {
    "past": "Entered after the day.",
    "unknown": "The schedules did not tell the day, so it was not checked.",
}

_OVERRIDDEN = {
    "not_today": "The day was still to come; staff overrode that.",
    "day_unknown": "PantryTrak did not answer, so the day was not known; staff overrode that.",
}


def _overridden(details: Mapping[str, Any]) -> str:
    if not details.get("override_reason"):
        return ""
    default = "Booking was closed; staff overrode that."
    return _OVERRIDDEN.get(details.get("overridden", ""), default)


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
