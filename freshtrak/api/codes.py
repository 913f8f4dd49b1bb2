"""The codes of the API's errors: one table for the answers, the schema and the docs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    status: int
    meaning: str
    advice: str
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""


CODES = {
    "invalid": Code(400, "Fields cannot be used.", "Look at errors, correct the fields."),
    "malformed_json": Code(400, "The body is no JSON.", "Send a JSON object in UTF-8."),
    "not_authenticated": Code(401, "There is no token.", "Send Authorization: Bearer …."),
    "token_not_valid": Code(401, "The token is wrong or expired.", "Get a new one."),
    "permission_denied": Code(403, "The role does not allow this.", "Ask staff to do it."),
    "household_not_resolved": Code(
        403, "The token belongs to no active household.", "Complete the person's profile first."
    ),
    "not_found": Code(404, "It does not exist, or not for this caller.", "Check address and ids."),
    "method_not_allowed": Code(405, "The address knows no such method.", "See Allow."),
    "not_acceptable": Code(406, "It cannot be sent in this form.", "Correct Accept."),
    "already_registered": Code(
        409, "The household has a registration on this date.",
        "Show it (registration_id); cancel or move it.",
    ),
    "capacity_full": Code(
        409, "No place is left.", "Offer other slots, or the queue (waitlist: true)."
    ),
    "not_published": Code(409, "The date or slot is not published.", "Read the schedule again."),
    "registration_closed": Code(409, "Booking has closed.", "Offer other dates."),
    "event_past": Code(409, "The date has passed.", "Offer other dates."),
    "reservations_not_accepted": Code(
        409, "The date takes no reservations.", "Offer other dates; it may take walk-ins."
    ),
    "slot_required": Code(409, "The date is booked by slot.", "Send one of its slots."),
    "already_checked_in": Code(
        409, "Somebody was faster.", "Show checked_in_at and checked_in_by."
    ),
    "invalid_status": Code(
        409, "The registration's status does not allow this.", "Read it again and show its status."
    ),
    "unsupported_media_type": Code(415, "The body is not JSON.", "Send application/json."),
    "idempotency_key_reused": Code(
        422, "The key was used for another request.", "Use a new key for each new request."
    ),
    "throttled": Code(429, "Too many requests, or failed log-ins.", "Wait for Retry-After."),
    "server_error": Code(500, "Something is wrong here.", "Tell us the X-Request-ID."),
    "busy": Code(
        503, "Many book here at once; nothing was changed.",
        "Send the same request with the same key after Retry-After.", retry_after=1,
    ),
    "database_unavailable": Code(
        503, "A database does not answer.",
        "Send the same request with the same key after Retry-After.", retry_after=5,
    ),
}  # fmt: skip
