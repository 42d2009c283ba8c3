"""The claimer's first act after the claim: what stops the clock of time to first action."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.vocabulary import FirstActionKind
from backend.handoffs import repository
from backend.identity.caller import Caller


class FirstActionRecorder:
    """Implements what sessions ask for when somebody writes, records a step or a fact."""

    async def mark(self, tx: AsyncConnection, caller: Caller, session_id: UUID, kind: FirstActionKind) -> UUID | None:
        """Set it once; None when the caller does not hold the session's handoff or has acted before."""
        return await repository.mark_first_action(tx, caller.account_id, session_id, caller.user_id, kind)

    async def announce(self, tx: AsyncConnection, caller: Caller, handoff_id: UUID, kind: FirstActionKind) -> None:
        """Timeline and event, last in the transaction."""
        await repository.announce_first_action(tx, caller.account_id, handoff_id, caller.user_id, kind)
