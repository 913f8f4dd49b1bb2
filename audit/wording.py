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
    if reason := details.get("reason"):
        sentences.append(f"Reason: {reason}")
    if attendees := details.get("attendees"):
        sentences.append(f"Attendees: household members {', '.join(map(str, attendees))}.")
    if event.action == AuditEvent.Action.AMBIGUOUS:
        applied = "was applied" if details.get("applied") else "was not applied"
        sentences.append(f"The database could not say whether the change arrived; it {applied}.")
    return " ".join(sentences)
