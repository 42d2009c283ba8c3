"""Somebody leaves the account: out at once, and what they held goes back to the queue.

One way for administrators, for the directory and before a person is erased. The hand-offs go back in the leaver's name,
so that whoever escalated is told and the others are alerted again. What a stop in the middle, or a claim at that very
moment, leaves behind is given back by the look at idle claims, which deactivation plans in its own transaction.
"""

from typing import Final
from uuid import UUID

from backend.contract.handoffs import HandoffNote
from backend.contract.vocabulary import Role
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.handoffs import repository
from backend.handoffs.holder import HolderService
from backend.identity.caller import Caller
from backend.identity.people import PeopleService

LEFT: Final = "Has left: the sign-in was ended."


class LeavingService:
    """For administrators; only owners let owners go."""

    def __init__(self, database: Database, people: PeopleService, holder: HolderService) -> None:
        self._db = database
        self._people = people
        self._holder = holder

    async def leave(self, caller: Caller, user_id: UUID) -> None:
        """End every sign-in, then give back what is held. Asked again after a fault, it does what is left to do."""
        leaver = await self._people.deactivate(caller, user_id)
        async with self._db.tenant(caller.account_id) as tx:
            held = await repository.held_by(tx, caller.account_id, user_id)
        for handoff_id in held:
            try:
                await self._holder.release(
                    _as(caller, user_id, leaver.name, leaver.role), str(handoff_id), HandoffNote(note=LEFT)
                )
            except Refusal as refusal:
                if refusal.code not in {"not_pending", "claim_lost"}:  # somebody was quicker
                    raise


def _as(caller: Caller, user_id: UUID, name: str, role: Role) -> Caller:
    return Caller(
        account_id=caller.account_id,
        user_id=user_id,
        name=name,
        email="",
        role=role,
        account_name="",
        timezone="UTC",
        credential_id=caller.credential_id,
        kind="token",
    )
