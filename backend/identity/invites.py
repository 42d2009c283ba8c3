"""Invitations: a link by e-mail, for seven days and once, with which a person sets a password and is in.

A link for a new password is the same and lasts a day.

The link's secret is derived from the server's key, the invitation and its turn, so the mail can be written by whichever
worker sends it and the database keeps a hash alone. A new link is another turn; the former one ends.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record, record_of
from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import clean
from backend.identity import people_repository as repository
from backend.identity import tries
from backend.identity.caller import Caller
from backend.identity.credentials import digest
from backend.identity.devices import SIGN_INS
from backend.identity.notices import tell
from backend.identity.passwords import checked_and_hashed
from backend.identity.people import check_role
from backend.identity.provision import checked_address
from backend.identity.repository import insert_user
from backend.jobs.job import TOPIC
from backend.jobs.repository import enqueue

INVITE_LIFE: Final = timedelta(days=7)
PASSWORD_LIFE: Final = timedelta(days=1)
PER_HOUR: Final = 200
"""Mails with a link that an account sends; the largest crew is let in within a few hours."""
JOB: Final = "invite"
_GONE: Final = "This invitation has been used, taken back or has run out. Ask your administrator for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An invitation that is open, or, with `user_id`, a link to set a new password.

    `mail_state`: pending, accepted (by the mail server), failed, unknown.
    """

    id: UUID
    email: str
    name: str
    role: Role
    inviter: str
    created_at: datetime
    expires_at: datetime
    expired: bool
    user_id: UUID | None
    mail_state: str
    mail_detail: str | None
    mail_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a link leads to, before it is accepted. `known` people set a new password."""

    email: str
    name: str
    role: Role
    account_name: str
    known: bool


def link_secret(key: str, invite_id: UUID, turn: int) -> str:
    """The secret in the link of this turn: 256 bits that only the holder of the server's key can make."""
    mac = hmac.new(key.encode(), f"invite:{invite_id}:{turn}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


class InviteService:
    """Sends, sends again, takes back; and accepts, for people whom no account knows yet."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self._db = database
        self._key = secret_key

    async def open(self, caller: Caller) -> list[Invite]:
        """Invitations that have not been accepted."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.open_invites(tx, caller.account_id)
        return [Invite(**{name: getattr(row, name) for name in Invite.__slots__}) for row in rows]

    async def invite(self, caller: Caller, *, email: str, name: str, role: str) -> UUID:
        """Invite somebody; the mail goes out with the worker's next look."""
        caller.require("admin")
        wanted, address, full_name = check_role(role), checked_address(email), clean("name", name, longest=120)
        if wanted == "owner":
            caller.require("owner")
        async with self._db.tenant(caller.account_id) as tx:
            if await repository.email_taken(tx, caller.account_id, address):
                raise Refusal("invalid_body", f"{address} is in this account already.", field="email")
            invite_id = await self._make(tx, caller, email=address, name=full_name, role=wanted)
            await record(tx, caller, "people.invited", full_name, {"e-mail": address, "role": ROLE_LABEL[wanted]})
        self._db.wakeup.touch(TOPIC)
        return invite_id

    async def new_password(self, caller: Caller, user_id: UUID) -> UUID:
        """Send an active person of the account a link to set a new password; an earlier one ends."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            found = await repository.person(tx, caller.account_id, user_id)
            if found is None or not found.active:
                raise Refusal("not_found", "There is no such active person.")
            if found.role == "owner":
                caller.require("owner")
            await repository.close_invites(tx, caller.account_id, found.email)
            invite_id = await self._make(
                tx, caller, email=found.email, name=found.name, role=found.role, user_id=user_id
            )
            await record(tx, caller, "people.password_link", found.name)
        self._db.wakeup.touch(TOPIC)
        return invite_id

    async def _make(
        self, tx: AsyncConnection, caller: Caller, *, email: str, name: str, role: Role, user_id: UUID | None = None
    ) -> UUID:
        invite_id = new_id()
        await _not_too_many(tx, caller.account_id)
        if not await repository.insert_invite(
            tx,
            account_id=caller.account_id,
            id=invite_id,
            email=email,
            name=name,
            role=role,
            token_hash=digest(link_secret(self._key, invite_id, 1)),
            user_id=user_id,
            invited_by=caller.user_id,
            expires_at=datetime.now(UTC) + (PASSWORD_LIFE if user_id else INVITE_LIFE),
        ):
            raise Refusal("invalid_body", f"{email} has an invitation already. Send it again.", field="email")
        await plan_mail(tx, caller.account_id, invite_id)
        return invite_id

    async def resend(self, caller: Caller, invite_id: UUID) -> None:
        """A new link for another seven days, or a day for a new password; the former one ends."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._found(tx, caller, invite_id)
            await _not_too_many(tx, caller.account_id)
            await repository.update_invite(
                tx,
                caller.account_id,
                invite_id,
                turn=found.turn + 1,
                token_hash=digest(link_secret(self._key, invite_id, found.turn + 1)),
                expires_at=datetime.now(UTC) + (PASSWORD_LIFE if found.user_id else INVITE_LIFE),
                mail_state="pending",
                mail_detail=None,
                mail_at=None,
            )
            await plan_mail(tx, caller.account_id, invite_id)
            await record(tx, caller, "people.invite_resent", found.name, {"e-mail": found.email})
        self._db.wakeup.touch(TOPIC)

    async def revoke(self, caller: Caller, invite_id: UUID) -> None:
        """Take it back: the link ends, a mail that is still to go does not go."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._found(tx, caller, invite_id)
            await repository.update_invite(tx, caller.account_id, invite_id, revoked_at=datetime.now(UTC))
            await record(tx, caller, "people.invite_revoked", found.name, {"e-mail": found.email})

    async def link(self, caller: Caller, invite_id: UUID) -> str | None:
        """The link's secret, for an administrator of a server that has no mail to send it by.

        None where there is none for this caller: an owner's, one that has run out or was accepted meanwhile.
        """
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            found = await repository.lock_invite(tx, caller.account_id, invite_id=invite_id)
        if found is None or found.expired or not found.stands or (found.role == "owner" and caller.role != "owner"):
            return None
        return link_secret(self._key, invite_id, found.turn)

    async def look(self, secret: str) -> Offer:
        """What the link offers; looking changes nothing. Refuses `ticket_refused`."""
        account_id = await self._account(secret)
        async with self._db.tenant(account_id) as tx:
            found = _alive(await repository.lock_invite(tx, account_id, token_hash=digest(secret)))
        return Offer(
            email=found.email,
            name=found.name,
            role=found.role,
            account_name=found.account_name,
            known=found.user_id is not None,
        )

    async def accept(
        self, secret: str, *, name: str, password: str, address: str = "", keep_devices: bool = False
    ) -> str:
        """Make the person, or set the password of one who is there and end their sign-ins; the link is used up.

        With `keep_devices` computers and access tokens of that person go on; browsers never do.
        Answers the address to sign in with. Refuses `too_many_requests` after sixty tries from an `address`.
        """
        full_name = clean("name", name, longest=120)
        attempt = await tries.begin_link(self._db, address)
        offer = await self.look(secret)  # hashing costs; it is for those alone who hold a link
        hashed = await checked_and_hashed(password, (offer.email, offer.name, full_name, offer.account_name))
        account_id, user_id = await self._account(secret), new_id()
        async with self._db.tenant(account_id) as tx:
            await repository.lock_invited(tx, account_id, digest(secret))
            found = _alive(await repository.lock_invite(tx, account_id, token_hash=digest(secret)))
            if found.user_id is not None:
                user_id, full_name = found.user_id, found.name
                await repository.end_sign_ins(tx, account_id, user_id, keep_devices=keep_devices)
                await repository.update_person(tx, account_id, user_id, password_hash=hashed)
                await tell(tx, account_id, user_id, "password_changed")
            elif not await insert_user(
                tx,
                account_id=account_id,
                user_id=user_id,
                email=found.email,
                name=full_name,
                role=found.role,
                password_hash=hashed,
            ):
                raise Refusal("invalid_body", f"{found.email} cannot be used here. Tell your administrator.")
            await repository.update_invite(tx, account_id, found.id, accepted_at=datetime.now(UTC))
            detail = {"e-mail": found.email, "role": ROLE_LABEL[found.role]}
            action = "people.password_set" if found.user_id else "people.joined"
            await record_of(tx, account_id, action, "", detail, actor_id=user_id, actor=full_name)
            email: str = found.email
        await tries.succeeded(self._db, attempt)
        self._db.wakeup.touch(SIGN_INS, TOPIC)
        return email

    async def _account(self, secret: str) -> UUID:
        row = await self._db.call("select auth_invite($1) as account_id", digest(secret))
        if row is None or row["account_id"] is None:
            raise Refusal("ticket_refused", _GONE)
        account_id: UUID = row["account_id"]
        return account_id

    @staticmethod
    async def _found(tx: AsyncConnection, caller: Caller, invite_id: UUID) -> AnyRow:
        found = await repository.lock_invite(tx, caller.account_id, invite_id=invite_id)
        if found is None:
            raise Refusal("not_found", "There is no such invitation, or it has been accepted.")
        if found.role_now == "owner" or found.role == "owner":
            caller.require("owner")
        return found


def _alive(found: AnyRow | None) -> AnyRow:
    if found is None or found.expired or not found.stands:
        raise Refusal("ticket_refused", _GONE)
    return found


async def _not_too_many(tx: AsyncConnection, account_id: UUID) -> None:
    """Whoever gets into an administrator's browser must not be able to mail the world."""
    since = datetime.now(UTC) - timedelta(hours=1)
    sent = await repository.links_since(
        tx, account_id, invites_end=since + INVITE_LIFE, passwords_end=since + PASSWORD_LIFE
    )
    if sent >= PER_HOUR:
        raise Refusal("too_many_requests", f"{PER_HOUR} links were sent within an hour. Try later.")


async def plan_mail(tx: AsyncConnection, account_id: UUID, invite_id: UUID) -> None:
    """Have a worker send the link of this turn."""
    await enqueue(tx, account_id=account_id, kind=JOB, key=f"invite:{invite_id}", ref=invite_id)
