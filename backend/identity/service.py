"""Signing in, and who is calling."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal
from uuid import UUID

import asyncpg

from backend.audit.record import record, record_of
from backend.contract.pairing import ACCESS_PREFIX
from backend.contract.people import UserView
from backend.db.batch import Batch
from backend.db.engine import Database
from backend.db.ids import HOUSE_ACCOUNT, new_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import storable
from backend.identity import factor_repository, repository, tries
from backend.identity.caller import Caller
from backend.identity.credentials import csrf_matches, csrf_token, digest, new_secret, verify_password
from backend.identity.devices import SIGN_INS
from backend.identity.provision import create_account, create_token, create_user

__all__ = [
    "Caller",
    "IdentityService",
    "SecondStepNeededError",
    "WebSession",
    "create_account",
    "create_token",
    "create_user",
]

WEB_SESSION_LIFE: Final = timedelta(hours=12)
TRUSTED_BROWSER_LIFE: Final = timedelta(days=90)
STEP_LIFE: Final = timedelta(minutes=10)
Method = Literal["password", "ticket", "single_sign_on"]


class SecondStepNeededError(Exception):
    """The first step is taken; a code is still to come. `token` is what the page for it takes, `target` the page after.

    A sign-in by password knows its target itself.
    """

    def __init__(self, token: str, target: str | None = None) -> None:
        super().__init__("a second step is needed")
        self.token = token
        self.target = target


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """A signed-in browser: what its cookies hold. `trusted_cookie` is set after a password only."""

    token: str
    csrf: str
    caller: Caller
    trusted_cookie: str | None = None


def _look_up(token: str) -> str:
    return "auth_device_token" if token.startswith(ACCESS_PREFIX) else "auth_scoped_token"


async def _looked_up(database: Database, look_up: str, hashes: list[bytes]) -> list[asyncpg.Record | None]:
    rows = await database.call_many(
        f"select h.n, c.* from unnest($1::bytea[]) with ordinality h(hash, n), {look_up}(h.hash) c", hashes
    )
    found = {row["n"]: row for row in rows}
    return [found.get(n) for n in range(1, len(hashes) + 1)]


_ENDED: Final = "select id from unnest($1::uuid[]) id except select auth_still_valid($1)"
_OF_A_CALLER: Final = frozenset(one.name for one in fields(Caller)) - {"kind"}


def _caller(row: asyncpg.Record, kind: str) -> Caller:
    # By name: while a newer server is brought up beside this one, its schema may answer more than is known here.
    known = {name: value for name, value in row.items() if name in _OF_A_CALLER}
    return Caller(kind="token" if kind == "token" else "web", **known)


class IdentityService:
    """Callers from their credentials. `secret_key` derives anti-forgery values."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self._db = database
        self._key = secret_key
        self._at_the_door: dict[str, Batch[bytes, asyncpg.Record | None]] = {
            look_up: Batch(partial(_looked_up, database, look_up))
            for look_up in ("auth_device_token", "auth_scoped_token")
        }

    async def caller_from_token(self, token: str) -> Caller | None:
        """The caller of a personal access token or a device's access token; None when unknown, expired or revoked."""
        row = await self._db.call(f"select * from {_look_up(token)}($1)", digest(token))
        return _caller(row, "token") if row else None

    async def caller_at_the_door(self, token: str) -> Caller | None:
        """The same, asked together with everyone who comes at this moment: for the sockets of a whole installation."""
        row = await self._at_the_door[_look_up(token)].one(digest(token))
        return _caller(row, "token") if row else None

    async def caller_from_cookie(self, token: str) -> Caller | None:
        """The caller of a web session cookie, or None."""
        row = await self._db.call("select * from auth_web_session($1)", digest(token))
        return _caller(row, "web") if row else None

    def csrf_for(self, token: str) -> str:
        """The value that this web session's forms must carry."""
        return csrf_token(self._key, token)

    def check_csrf(self, token: str, value: str) -> bool:
        """True when a form's value belongs to this web session."""
        return csrf_matches(self._key, token, value)

    async def sign_in(self, email: str, password: str, *, address: str = "", user_agent: str = "") -> WebSession:
        """Sign a browser in by password. One message for unknown address and wrong password, in the same time.

        Refuses `unauthenticated`, and `too_many_requests` during the pause after too many tries. Raises
        SecondStepNeededError where the password is right and not enough.
        """
        attempt = await tries.begin(self._db, email, address)
        user = None
        if storable(email):  # what the database cannot hold is nobody's address
            async with self._db.before_account() as tx:
                user = await repository.user_by_email(tx, email.strip())
        if not await verify_password(password, user.password_hash if user else None) or user is None:
            refusal = await tries.failed(self._db, attempt)
            await self._note_refused(user, refusal)
            raise refusal
        await tries.succeeded(self._db, attempt)
        if not user.by_password:
            raise Refusal("unauthenticated", "Your account signs in by single sign-on. Press that button instead.")
        if (step := await self._second_step(user)) is not None:
            raise SecondStepNeededError(step)
        return await self.admit(user.account_id, user.user_id, address=address, user_agent=user_agent)

    async def _second_step(self, user: AnyRow) -> str | None:
        """The half-made sign-in of somebody who has a second factor or must have one; None for all others."""
        async with self._db.tenant(user.account_id) as tx:
            factor = await factor_repository.factor(tx, user.account_id, user.user_id)
            if not user.factor_needed and (factor is None or factor.confirmed_at is None):
                return None
            token = new_secret()
            await factor_repository.insert_step(
                tx,
                account_id=user.account_id,
                id=new_id(),
                user_id=user.user_id,
                token_hash=digest(token),
                expires_at=datetime.now(UTC) + STEP_LIFE,
            )
        return token

    async def admit(
        self, account_id: UUID, user_id: UUID, *, address: str = "", user_agent: str = "", method: Method = "password"
    ) -> WebSession:
        """Sign a browser in whose person has proved who they are, and trust that browser from now on."""
        trusted = new_secret()
        session = await self.open_web_session(
            account_id, user_id, address=address, user_agent=user_agent, proved=True, method=method
        )
        async with self._db.tenant(account_id) as tx:
            await repository.insert_trusted_browser(
                tx,
                account_id=account_id,
                id=new_id(),
                user_id=user_id,
                cookie_hash=digest(trusted),
                expires_at=datetime.now(UTC) + TRUSTED_BROWSER_LIFE,
            )
            detail = {"browser": user_agent[:120]} | ({"by": "single sign-on"} if method == "single_sign_on" else {})
            await record(tx, session.caller, "sign_in.ok", "", detail)
        return WebSession(token=session.token, csrf=session.csrf, caller=session.caller, trusted_cookie=trusted)

    async def _note_refused(self, user: AnyRow | None, refusal: Refusal) -> None:
        """Write the refusal down where the address is known, and the same for nothing where it is not.

        A transaction that only known addresses cost would tell by its time which ones exist.
        """
        account_id = user.account_id if user is not None else HOUSE_ACCOUNT
        action = "sign_in.failed" if refusal.code == "unauthenticated" else "sign_in.paused"
        async with self._db.tenant(account_id) as tx, tx.begin_nested() as point:
            await record_of(tx, account_id, action, user.email if user is not None else "")
            if user is None:
                await point.rollback()

    async def open_web_session(
        self,
        account_id: UUID,
        user_id: UUID,
        *,
        address: str = "",
        user_agent: str = "",
        proved: bool = False,
        method: Method = "ticket",
        opened_by: UUID | None = None,
    ) -> WebSession:
        """A new web session for a user whose identity has been established; `proved` by that person just now.

        It ends with `opened_by`, the computer or token whose ticket it came by.
        """
        token = new_secret()
        async with self._db.tenant(account_id) as tx:
            await repository.insert_web_session(
                tx,
                account_id=account_id,
                id=new_id(),
                user_id=user_id,
                token_hash=digest(token),
                address=address[:64],
                user_agent=user_agent[:200].replace("\x00", ""),
                expires_at=datetime.now(UTC) + WEB_SESSION_LIFE,
                proved=proved,
                method=method,
                opened_by=opened_by,
            )
        caller = await self.caller_from_cookie(token)
        if caller is None:
            raise Refusal("unauthenticated", "This user has been deactivated.")
        return WebSession(token=token, csrf=self.csrf_for(token), caller=caller)

    async def sign_out(self, token: str) -> None:
        """End this web session; unknown ones are ended already."""
        caller = await self.caller_from_cookie(token)
        if caller is not None:
            async with self._db.tenant(caller.account_id) as tx:
                await repository.revoke_web_session(tx, caller.account_id, caller.credential_id)
                await record(tx, caller, "sign_in.ended")
            self._db.wakeup.touch(SIGN_INS)

    async def still_valid(self, credential_ids: list[UUID]) -> set[UUID]:
        """Which of these sign-ins hold."""
        rows = await self._db.call_many("select * from auth_still_valid($1)", credential_ids)
        return {row[0] for row in rows}

    async def ended(self, credential_ids: list[UUID]) -> set[UUID]:
        """Which of these do not; asked for all open sockets every few seconds, and the answer is nearly always none."""
        rows = await self._db.call_many(_ENDED, credential_ids)
        return {row[0] for row in rows}

    async def colleagues(self, caller: Caller) -> list[UserView]:
        """Everyone in the account who may work in sessions, by name."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.colleagues(tx, caller.account_id)
        return [UserView(id=str(r.id), name=r.name, email=r.email, role=r.role) for r in rows]

    async def seniors(self, caller: Caller) -> list[UserView]:
        """Everyone in the account who may claim, by name."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.seniors(tx, caller.account_id)
        return [UserView(id=str(r.id), name=r.name, email=r.email, role=r.role) for r in rows]
