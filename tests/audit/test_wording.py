import pytest

from audit import wording
from audit.models import AuditEvent

Action = AuditEvent.Action


@pytest.mark.parametrize(
    ("delta", "text"),
    [(1, "1 place taken"), (-1, "1 place given back"), (0, ""), (2, "2 places taken")],
)
def test_counter_change(delta: int, text: str) -> None:
    assert wording.counter_change(AuditEvent(delta=delta)) == text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (AuditEvent(), ""),
        (AuditEvent(details={"attendees": [7, 8]}), "Attendees: household members 7, 8."),
        (
            AuditEvent(details={"overridden": "event_past", "override_reason": "rain"}),
            "Booking was closed; staff overrode that. Reason: rain",
        ),
        (AuditEvent(details={"reason": "came late"}), "Reason: came late"),
        (
            AuditEvent(action=Action.AMBIGUOUS, details={"by_date": {"3": 1}, "applied": 1}),
            "The database could not say whether the change arrived; it was applied.",
        ),
    ],
)
def test_notes(event: AuditEvent, text: str) -> None:
    assert wording.notes(event) == text
