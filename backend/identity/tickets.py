"""One-time tickets: from the tray app's claim to the signed-in session page.

The ticket travels in the URL's fragment, which no server, proxy or referrer sees. It is 256 random bits, kept as a
hash, for 30 seconds, once, for one user and one handoff. It signs in at once only in a browser in which the same user
has proved who they are; in any other browser the person must press *Continue as NAME*, so that a stranger's link cannot
put someone into a stranger's session unseen.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.audit.record import record
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity import repository
from backend.identity.caller import Caller
from backend.identity.credentials import digest, new_secret
from backend.identity.service import IdentityService, WebSession

TICKET_LIFE: Final = timedelta(seconds=30)
_REFUSED: Final = "This link has been used or has expired. Open the session from FlowPilot again, or sign in."


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketInfo:
    """What a ticket would do; looking does not use it up. `trusted` browsers need no button."""

    account_id: UUID
    user_id: UUID
    user_name: str
    account_name: str
    handoff_id: UUID
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A used ticket: the new web session and the handoff that it leads to."""

    web_session: WebSession
    handoff_id: UUID


class TicketService:
    """Mints, looks at and redeems tickets."""

    def __init__(self, database: Database, identity: IdentityService) -> None:
        self._db = database
        self._identity = identity

    async def mint(self, caller: Caller, handoff_id: UUID) -> str:
        """A ticket for this caller and handoff; it dies with the caller's own sign-in."""
        ticket = new_secret()
        await repository.keep_ticket(
            self._db,
            account_id=caller.account_id,
            user_id=caller.user_id,
            handoff_id=handoff_id,
            credential_id=caller.credential_id,
            ticket_hash=digest(ticket),
            life=TICKET_LIFE,
        )
        return ticket

    async def peek(self, ticket: str, *, trusted_cookie: str | None = None) -> TicketInfo | None:
        """What the ticket would do, or None when it is used, expired or unknown."""
        row = await self._db.call("select * from ticket_peek($1, $2)", digest(ticket), digest(trusted_cookie or ""))
        if row is None:
            return None
        return TicketInfo(
            account_id=row["account_id"],
            user_id=row["user_id"],
            user_name=row["name"],
            account_name=row["account_name"],
            handoff_id=row["handoff_id"],
            trusted=row["trusted"],
        )

    async def redeem(
        self, ticket: str, *, trusted_cookie: str | None, explicit: bool, address: str = "", user_agent: str = ""
    ) -> Redeemed:
        """Use the ticket up and sign this browser in. `explicit` says that the person pressed the button."""
        info = await self.peek(ticket, trusted_cookie=trusted_cookie)
        if info is None or not (explicit or info.trusted):
            raise Refusal("ticket_refused", _REFUSED)
        row = await self._db.call("select * from ticket_redeem($1)", digest(ticket))
        if row is None:
            raise Refusal("ticket_refused", _REFUSED)
        async with self._db.tenant(row["account_id"]) as tx:
            opener = await repository.asked_by(tx, row["account_id"], digest(ticket))
        session = await self._identity.open_web_session(
            row["account_id"], row["user_id"], address=address, user_agent=user_agent, opened_by=opener
        )
        async with self._db.tenant(row["account_id"]) as tx:
            await record(tx, session.caller, "sign_in.ticket")
        return Redeemed(web_session=session, handoff_id=row["handoff_id"])
