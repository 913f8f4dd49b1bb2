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
            AuditEvent(
                action=Action.CHECKED_IN,
                details={"attendees": [7], "overridden": "not_today", "override_reason": "early"},
            ),
            "1 came: household members 7. The day was still to come; staff overrode that. "
            "Reason: early",
        ),
        (
            AuditEvent(
                action=Action.CHECKED_IN, details={"instead_of": 3, "override_reason": "mixed up"}
            ),
            "Was registered for another day. Reason: mixed up",
        ),
        (
            AuditEvent(action=Action.CHECKED_IN, details={"day": "past"}),
            "Entered after the day.",
        ),
        (
            AuditEvent(action=Action.NO_SHOW, details={"close_out": "9f"}),
            "By closing out the day.",
        ),
        (
            AuditEvent(action=Action.NO_SHOW_UNDONE, details={"close_out": "9f"}),
            "The close-out was undone.",
        ),
        (
            AuditEvent(action=Action.AMBIGUOUS, details={"by_date": {"3": 1}, "applied": 1}),
            "The database could not say whether the change arrived; it was applied.",
        ),
    ],
)
def test_notes(event: AuditEvent, text: str) -> None:
    assert wording.notes(event) == text


def test_notes_name_people_and_count_those_who_were_expected() -> None:
    event = AuditEvent(action=Action.CHECKED_IN, details={"attendees": [7, 8]})
    people = {7: "Ana Rivera"}

    assert wording.notes(event, people=people, expected=4) == "2 of 4 came: Ana Rivera, somebody."
    assert wording.notes(event, people=people) == "2 came: Ana Rivera, somebody."
