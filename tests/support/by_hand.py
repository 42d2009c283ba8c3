"""The worker's handlers in the test's own process, one piece of due work at a time and in the order the test wants.

The database, the mail server and the server that answers the API are real; only nobody looks for due work but the test.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from backend.db.engine import Database
from backend.delivery import repository
from backend.delivery.closing import Closing
from backend.delivery.letters import Letters
from backend.delivery.mailing import Mailing
from backend.delivery.steps import Steps
from backend.jobs import repository as jobs
from backend.jobs.job import Handler, Job
from backend.mail.sender import Mailer
from backend.mail.server import MailServer as Address
from tests.support.flow import Owner
from tests.support.mail_server import Received
from tests.support.people import Member

FROM = "escalations@northwind.example"
EMAIL_AFTER_S = 15.0
LEASE_S = 60.0


class Hands:
    """Does due work when the test says so. `mail_url` is the mail server's address."""

    def __init__(self, database: Database, owner: Owner, mail_url: str) -> None:
        self.database = database
        self.owner = owner
        self.letters = Letters("https://flowpilot.example", FROM)
        self.mailing = Mailing(database, Mailer(Address.parse(mail_url), FROM), self.letters)
        self._policy: Mapping[str, Handler] = {
            "step": Steps(database, email_after_s=EMAIL_AFTER_S),
            "closed": Closing(database),
        }

    async def letters_due(self) -> dict[str, Job]:
        """Lease all mail that is due; by address, one for each."""
        taken = await jobs.take(self.database, ["email"], 100, LEASE_S)
        found = {
            str(await self.owner.value("select device from delivery where id = $1", job.ref)): job for job in taken
        }
        assert len(found) == len(taken), "two messages to one address are due"
        return found

    async def post(self) -> set[str]:
        """Try to send all mail that is due; to whom it was tried."""
        due = await self.letters_due()
        for job in due.values():
            await self.mailing(job)
        return set(due)

    async def policy(self, kind: str) -> int:
        """Do the due work of a kind; how many pieces there were."""
        taken = await jobs.take(self.database, [kind], 100, LEASE_S)
        for job in taken:
            await self._policy[kind](job)
        return len(taken)

    async def hurry(self, *kinds: str) -> None:
        """What is planned for later is due now."""
        await self.owner.fetch("update job set due_at = now() - interval '1 s' where kind = any($1)", list(kinds))

    async def again(self, account_id: str, handoff_id: str, *, final: bool = False) -> None:
        """The next round, to everyone; `final` is the policy's last step."""
        cause, detail = ("exhausted", "Olga Owner") if final else ("repeat", "Everyone again")
        async with self.database.tenant(UUID(account_id)) as tx:
            await repository.realert(
                tx,
                UUID(account_id),
                UUID(handoff_id),
                to=None,
                done=2 if final else 3,
                final=final,
                cause=cause,
                detail=detail,
                email_after_s=EMAIL_AFTER_S,
            )

    async def nudge(self, account_id: str, handoff_id: str) -> None:
        """Remind the claimer that nothing has happened."""
        async with self.database.tenant(UUID(account_id)) as tx:
            await repository.nudge(tx, UUID(account_id), UUID(handoff_id), None, EMAIL_AFTER_S)

    async def rows(self, handoff_id: str, *, purpose: str = "alert", channel: str = "email") -> list[asyncpg.Record]:
        """Delivery rows, by round and address."""
        return await self.owner.fetch(
            "select * from delivery where handoff_id = $1 and purpose = $2 and channel = $3 order by rung, device",
            handoff_id,
            purpose,
            channel,
        )


def subjects(mails: Sequence[Received], who: Member) -> list[str]:
    """What came for one person, in order."""
    return [one.subject for one in mails if one.recipients == (who.email,)]
