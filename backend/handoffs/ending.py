"""How a handoff ends: the outcome, what was missing, and the guidance that a junior goes on with."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.handoffs import HandoffResolution
from backend.contract.vocabulary import HandoffOutcome
from backend.domain.refusal import Refusal
from backend.domain.text import said_optional
from backend.handoffs import repository
from backend.identity.caller import Caller
from backend.sessions.service import leave_message

SESSION_GOES_ON: Final[frozenset[HandoffOutcome | None]] = frozenset({"guided_back", "wrong_team"})
"""Outcomes after which the problem is still there: the session is the junior's again."""
_NOTE: Final = 2_000
_MISSING: Final = 200


def checked(body: HandoffResolution) -> tuple[str | None, dict[str, object]]:
    """(note, the columns to write). Refuses a handoff that had everything and lacked something at once."""
    note = said_optional("note", body.note, longest=_NOTE)
    missing = said_optional("missing", body.missing, longest=_MISSING)
    had = body.had_what_i_needed
    if missing is not None and had:
        raise Refusal(
            "invalid_body", "`missing` says what was not there; `had_what_i_needed` must be false.", field="missing"
        )
    return note, {
        "outcome": body.outcome,
        "had_what_i_needed": False if missing is not None else had,
        "missing": missing,
        "resolution": note,
    }


async def guide(tx: AsyncConnection, caller: Caller, session_id: UUID, note: str) -> tuple[UUID | None, UUID]:
    """Write the guidance into the chat; answers the handoff when that is its first action, and the message.

    Called while the handoff is claimed and locked: handoff row before session row.
    """
    first = await repository.mark_first_action(tx, caller.account_id, session_id, caller.user_id, "message")
    return first, await leave_message(tx, caller, session_id, note)
