"""What a person sees and ends of their own sign-ins: browsers, access tokens; and the own password."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from backend.audit.record import record
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.domain.refusal import Refusal
from backend.domain.scopes import LEVELS, Scope, up_to
from backend.domain.text import clean
from backend.identity import people_repository, tries
from backend.identity import security_repository as repository
from backend.identity.caller import Caller
from backend.identity.credentials import TOKEN_PREFIX, digest, new_secret, verify_password
from backend.identity.devices import SIGN_INS
from backend.identity.notices import tell
from backend.identity.passwords import checked_and_hashed
from backend.identity.repository import insert_token
from backend.jobs.job import TOPIC

FRESH: Final = timedelta(minutes=15)
"""So long after a sign-in its person may change how they sign in, without giving the password again."""
TOKEN_DAYS: Final = 90
MOST_TOKEN_DAYS: Final = 365
MOST_TOKENS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInBrowser:
    """`method`: password, ticket (from the desktop app), single_sign_on. `current`: the one that asks."""

    id: UUID
    address: str
    user_agent: str
    method: str
    created_at: datetime
    last_used_at: datetime | None
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`level` is the widest of its scopes; None for one from before there were scopes, which may do everything."""

    id: UUID
    label: str
    level: Scope | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class SecurityService:
    """Everything here is about the caller alone; nobody reaches another person's by an id."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def browsers(self, caller: Caller) -> list[SignedInBrowser]:
        """Where the caller is signed in by browser."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.web_sessions(tx, caller.account_id, caller.user_id)
        return [SignedInBrowser(**row._asdict(), current=row.id == caller.credential_id) for row in rows]

    async def tokens(self, caller: Caller) -> list[Token]:
        """The caller's personal access tokens."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.tokens(tx, caller.account_id, caller.user_id)
        return [
            Token(
                id=row.id,
                label=row.label,
                level=None if row.scopes is None else max(cast("list[Scope]", row.scopes), key=LEVELS.index),
                created_at=row.created_at,
                expires_at=row.expires_at,
                last_used_at=row.last_used_at,
            )
            for row in rows
        ]

    async def fresh(self, caller: Caller) -> bool:
        """Whether this browser's person has proved who they are a moment ago; a one-time ticket proves nothing."""
        async with self._db.tenant(caller.account_id) as tx:
            found = await repository.proof(tx, caller.account_id, caller.credential_id)
        return found is not None and found.proved and found.created_at > datetime.now(UTC) - FRESH

    async def require_fresh(self, caller: Caller) -> None:
        """Refuse `csrf_failed` where `fresh` does not hold."""
        if not await self.fresh(caller):
            raise Refusal("csrf_failed", "Sign in again first, to show that it is you. Nothing was changed.")

    async def has_password(self, caller: Caller) -> bool:
        """False for people who have only ever come by single sign-on."""
        async with self._db.tenant(caller.account_id) as tx:
            return await repository.password_hash(tx, caller.account_id, caller.user_id) is not None

    async def end_browser(self, caller: Caller, session_id: UUID) -> None:
        """Sign one of the caller's browsers out; its sockets close within two seconds."""
        async with self._db.tenant(caller.account_id) as tx:
            if not await repository.revoke_web_session(tx, caller.account_id, caller.user_id, session_id):
                raise Refusal("not_found", "There is no such sign-in, or it is not yours.")
            await record(tx, caller, "people.signed_out")
        self._db.wakeup.touch(SIGN_INS)

    async def end_everything(self, caller: Caller) -> None:
        """Sign the caller out everywhere else: browsers, computers, tokens. This browser stays."""
        async with self._db.tenant(caller.account_id) as tx:
            await people_repository.end_sign_ins(
                tx, caller.account_id, caller.user_id, keep_session=caller.credential_id
            )
            await record(tx, caller, "people.signed_out_everywhere")
        self._db.wakeup.touch(SIGN_INS)

    async def make_token(self, caller: Caller, *, label: str, level: str, days: str) -> str:
        """A personal access token, told once. Needs a fresh sign-in."""
        await self.require_fresh(caller)
        name = clean("label", label, longest=120)
        if level not in LEVELS:
            raise Refusal("invalid_body", f"Choose what the token may do: {', '.join(LEVELS)}.", field="level")
        if not (days.isascii() and days.isdigit() and 1 <= int(days) <= MOST_TOKEN_DAYS):
            raise Refusal("invalid_body", f"A token lives for 1 to {MOST_TOKEN_DAYS} days.", field="days")
        token = new_secret(TOKEN_PREFIX)
        async with self._db.tenant(caller.account_id) as tx:
            if len(await repository.tokens(tx, caller.account_id, caller.user_id)) >= MOST_TOKENS:
                raise Refusal("limit_reached", f"You have {MOST_TOKENS} tokens. End one first.")
            await insert_token(
                tx,
                account_id=caller.account_id,
                token_id=new_id(),
                user_id=caller.user_id,
                token_hash=digest(token),
                label=name,
                scopes=list(up_to(level)),
                expires_at=datetime.now(UTC) + timedelta(days=int(days)),
            )
            await record(tx, caller, "people.own_token_created", name, {"scope": level, "days": int(days)})
            await tell(tx, caller.account_id, caller.user_id, "token_created", f"{name}, {level}")
        self._db.wakeup.touch(TOPIC)
        return token

    async def end_token(self, caller: Caller, token_id: UUID) -> None:
        """It is worth nothing from now on; its sockets close within two seconds."""
        async with self._db.tenant(caller.account_id) as tx:
            label = await repository.revoke_token(tx, caller.account_id, caller.user_id, token_id)
            if label is None:
                raise Refusal("not_found", "There is no such token, or it is not yours.")
            await record(tx, caller, "people.own_token_revoked", label)
        self._db.wakeup.touch(SIGN_INS)

    async def change_password(
        self, caller: Caller, *, current: str, new: str, keep_devices: bool, address: str = ""
    ) -> None:
        """Take the new one for the old one; other browsers end, and without `keep_devices` computers and tokens too.

        Refuses `unauthenticated` for a wrong current password, `too_many_requests` after five of them.
        """
        attempt = await tries.begin_for(self._db, "own password", str(caller.user_id), address)
        async with self._db.tenant(caller.account_id) as tx:
            kept = await repository.password_hash(tx, caller.account_id, caller.user_id)
        if not await verify_password(current, kept):
            raise await tries.failed(self._db, attempt, "That is not your current password.")
        await tries.succeeded(self._db, attempt)
        hashed = await checked_and_hashed(new, (caller.email, caller.name, caller.account_name))
        async with self._db.tenant(caller.account_id) as tx:
            await people_repository.update_person(tx, caller.account_id, caller.user_id, password_hash=hashed)
            await people_repository.end_sign_ins(
                tx,
                caller.account_id,
                caller.user_id,
                keep_devices=keep_devices,
                keep_session=caller.credential_id,
            )
            await record(tx, caller, "people.password_changed")
            await tell(tx, caller.account_id, caller.user_id, "password_changed")
        self._db.wakeup.touch(SIGN_INS, TOPIC)
