"""Examples of the OpenAPI document. tests/freshtrak/api/test_schema.py executes each of them."""

from drf_spectacular.utils import OpenApiExample

_BOOKED = {
    "id": 9012,
    "confirmation_code": "K7M2QX",
    "status": "confirmed",
    "status_id": 1,
    "household_id": 18,
    "event_id": 123,
    "event_date_id": 55555,
    "event_slot_id": 67890,
    "waitlist_position": None,
    "attendees": [
        {
            "household_member_id": 31,
            "first_name": "Maria",
            "last_name": "Rivera",
            "came": None,
        },
        {
            "household_member_id": 32,
            "first_name": "James",
            "last_name": "Rivera",
            "came": None,
        },
    ],
    "schedule": {
        "event_name": "Riverside Community Pantry",
        "date": "2026-12-01",
        "start_time": "09:30",
        "end_time": "09:45",
    },
    "created_at": "2026-11-22T17:56:10.663189-05:00",
    "updated_at": "2026-11-22T17:56:10.663189-05:00",
    "cancelled_at": None,
    "checked_in_at": None,
    "checked_in_by": None,
}
_WAITLISTED = {**_BOOKED, "id": 9013, "status": "waitlisted", "waitlist_position": 3}

REGISTER = [
    OpenApiExample("A slot", {"event_slot_id": 67890, "attendees": [31, 32]}, request_only=True),
    OpenApiExample(
        "A date without slots", {"event_date_id": 55555, "attendees": [31]}, request_only=True
    ),
    OpenApiExample(
        "A slot, but no place in the queue",
        {"event_slot_id": 67890, "attendees": [31], "waitlist": False},
        request_only=True,
    ),
    OpenApiExample("Confirmed", _BOOKED, response_only=True, status_codes=["201"]),
    OpenApiExample("Waitlisted", _WAITLISTED, response_only=True, status_codes=["201"]),
]

CHECK_IN = [
    OpenApiExample("Everyone came", {}, request_only=True),
    OpenApiExample("One of two came", {"attendees": [31]}, request_only=True),
    OpenApiExample(
        "Before the day", {"override_reason": "Picks up early: surgery"}, request_only=True
    ),
]

MOVE = [
    OpenApiExample("To another slot", {"event_slot_id": 67891}, request_only=True),
    OpenApiExample("To a date without slots", {"event_date_id": 55556}, request_only=True),
]
