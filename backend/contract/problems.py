"""Stable problem codes (RFC 9457). Machines read `code` and the extension members; people read `detail`."""

from dataclasses import dataclass
from typing import Final, Literal

Code = Literal[
    "bad_request",
    "invalid_body",
    "payload_too_large",
    "unauthenticated",
    "csrf_failed",
    "origin_refused",
    "role_required",
    "scope_required",
    "not_found",
    "method_not_allowed",
    "already_escalated",
    "already_claimed",
    "reserved",
    "own_handoff",
    "not_pending",
    "claim_lost",
    "session_resolved",
    "idempotency_mismatch",
    "edit_conflict",
    "user_not_eligible",
    "ticket_refused",
    "limit_reached",
    "not_retryable",
    "psa_not_connected",
    "secret_gone",
    "assistant_off",
    "too_many_requests",
    "database_unavailable",
    "internal_error",
]

TITLE: Final[dict[Code, str]] = {
    "bad_request": "The request cannot be understood",
    "invalid_body": "A field is missing or out of bounds",
    "payload_too_large": "The body is too large",
    "unauthenticated": "Sign in first",
    "csrf_failed": "The form is out of date",
    "origin_refused": "This origin is not allowed",
    "role_required": "Your role does not include this",
    "scope_required": "This access token may not do that",
    "not_found": "There is no such thing, or you may not see it",
    "method_not_allowed": "This address does not take that method",
    "already_escalated": "The session already has an open hand-off",
    "already_claimed": "Someone else was first",
    "reserved": "Only the person asked for can claim it yet",
    "own_handoff": "You cannot claim your own escalation",
    "not_pending": "The hand-off is not waiting any more",
    "claim_lost": "You do not hold this hand-off any more",
    "session_resolved": "The session is resolved",
    "idempotency_mismatch": "This Idempotency-Key was used for another request",
    "edit_conflict": "Somebody else has changed this meanwhile",
    "user_not_eligible": "That person cannot take the hand-off",
    "ticket_refused": "This sign-in link has been used or has expired",
    "limit_reached": "There are as many as there may be",
    "psa_not_connected": "There is no PSA for this ticket",
    "not_retryable": "This notice cannot be sent again",
    "assistant_off": "No AI model answers here",
    "secret_gone": "This secret has been seen or has expired",
    "too_many_requests": "Too many tries",
    "database_unavailable": "The database does not answer",
    "internal_error": "The server made an error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`application/problem+json`; extension members such as `claimed_by` stand beside these."""

    type: str
    title: str
    status: int
    detail: str
    code: str
