"""The second step of a sign-in: the password was right, a code is still to come.

What the first step gives is worth one page for ten minutes. It is no session: nothing else takes it.
"""

from dataclasses import dataclass
from uuid import UUID

from backend.audit.record import record_of
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity import factor_repository as repository
from backend.identity import tries
from backend.identity.credentials import digest
from backend.identity.notices import tell
from backend.identity.second_factor import WRONG, FactorService, Setup
from backend.identity.service import IdentityService, WebSession
from backend.jobs.job import TOPIC

GONE = "This sign-in took too long. Begin again with your password."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Who is about to sign in. With `setup` they have no second factor yet and the account asks for one."""

    name: str
    email: str
    setup: Setup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The web session, and recovery codes where the factor was set up on the way."""

    session: WebSession
    codes: list[str]


class TwoStepService:
    """Looks at half-made sign-ins and finishes them."""

    def __init__(self, database: Database, identity: IdentityService, factors: FactorService) -> None:
        self._db = database
        self._identity = identity
        self._factors = factors

    async def look(self, token: str) -> Pending | None:
        """Whose sign-in it is; None when it is over. Begins the set-up of a factor where there is none."""
        account_id = await self._account(token)
        if account_id is None:
            return None
        async with self._db.tenant(account_id) as tx:
            step = await repository.lock_step(tx, account_id, digest(token))
            if step is None:
                return None
            await self._factors.prepare(tx, account_id, step.user_id, token)
            setup = await self._factors.setup_of(tx, account_id, step.user_id, step.email)
        return Pending(name=step.name, email=step.email, setup=setup)

    async def finish(self, token: str, code: str, *, address: str = "", user_agent: str = "") -> Finished:
        """Sign the browser in.

        Refuses `ticket_refused` when it is over, `unauthenticated` for a wrong code, `too_many_requests` after five.
        """
        account_id = await self._account(token)
        if account_id is None:
            raise Refusal("ticket_refused", GONE)
        async with self._db.tenant(account_id) as tx:
            step = await repository.lock_step(tx, account_id, digest(token))
        if step is None:
            raise Refusal("ticket_refused", GONE)
        attempt = await tries.begin_for(self._db, "code", str(step.user_id), address)
        codes: list[str] | None = None
        async with self._db.tenant(account_id) as tx:
            step = await repository.lock_step(tx, account_id, digest(token))
            if step is None:
                raise Refusal("ticket_refused", GONE)
            how = await self._factors.check(tx, account_id, step.user_id, code)
            if how is None:
                await self._factors.prepare(tx, account_id, step.user_id, token)
                codes = await self._factors.confirm_in(tx, account_id, step.user_id, step.name, code)
            right = how is not None or codes is not None
            if right:
                await repository.use_step_token(tx, account_id, step.id)
            else:
                await record_of(tx, account_id, "sign_in.failed", step.email, {"step": "second factor"})
            if how == "recovery":
                await record_of(tx, account_id, "people.recovery_used", "", actor_id=step.user_id, actor=step.name)
                await tell(tx, account_id, step.user_id, "recovery_used")
        if not right:
            raise await tries.failed(self._db, attempt, WRONG)
        await tries.succeeded(self._db, attempt)
        self._db.wakeup.touch(TOPIC)
        session = await self._identity.admit(
            account_id, step.user_id, address=address, user_agent=user_agent, method=step.method
        )
        return Finished(session=session, codes=codes or [])

    async def _account(self, token: str) -> UUID | None:
        row = await self._db.call("select auth_sign_in_step($1) as account_id", digest(token))
        return row["account_id"] if row is not None else None
