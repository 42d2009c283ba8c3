"""What a claim that holds answers: the whole handoff, and the address that opens its session in one click."""

from uuid import UUID

from backend.contract.handoffs import ClaimResult
from backend.db.engine import Database
from backend.domain.claim import AlreadyYours, Claimed
from backend.domain.scopes import whole
from backend.handoffs import hot, mapping, repository
from backend.handoffs.service import handoff_id, not_found
from backend.identity.caller import Caller
from backend.identity.tickets import TicketService


class ClaimingService:
    """Builds claim answers and finds the page that a handoff leads to."""

    def __init__(self, database: Database, tickets: TicketService) -> None:
        self._db = database
        self._tickets = tickets

    async def result(self, caller: Caller, wanted: str, outcome: Claimed | AlreadyYours, base: str) -> ClaimResult:
        """`base` is the server's address without a closing slash."""
        claimed_id = handoff_id(wanted)
        row = await hot.whole(self._db, caller.account_id, claimed_id)
        if row is None:
            raise not_found()
        handoff = mapping.whole(row["body"], row["package"], row["snapshot"])
        self._db.wakeup.touch(handoff.session_id)
        session_url = f"{base}/pilot/{handoff.session_id}"
        if row["external_url"]:
            # A session page elsewhere has its own sign-in; a ticket of ours would mean nothing there.
            session_url = open_url = row["external_url"]
        elif not whole(caller.scopes):
            open_url = session_url  # a token with bounds opens no web session, which has none
        else:
            open_url = f"{base}/go#t={await self._tickets.mint(caller, claimed_id)}"
        return ClaimResult(
            outcome="claimed" if isinstance(outcome, Claimed) else "already_yours",
            handoff=handoff,
            claim_epoch=outcome.epoch,  # of this very claim: the handoff may have changed hands since
            seq=outcome.seq,
            session_url=session_url,
            open_url=open_url,
        )

    async def destination(self, account_id: UUID, opened: UUID) -> str:
        """The path that a redeemed ticket leads to; computed from the handoff, never from the request."""
        async with self._db.tenant(account_id) as tx:
            row = await repository.whose(tx, account_id, opened)
        if row is None:
            raise not_found()
        return f"/pilot/{row.session_id}"
