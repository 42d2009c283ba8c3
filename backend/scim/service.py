"""An account's directory at work: people come, change and leave. Owners are nobody's but the owners' to change.

Who leaves is out at once: every sign-in ends, and what they had claimed goes back to the queue in their name, so that
whoever escalated it is told and the others are alerted again. Deleting is the same, and the person is not found any
more; what they wrote stays where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.sign_in_tables import account_domain
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import clean
from backend.handoffs.leaving import LeavingService
from backend.identity import people_repository
from backend.identity import repository as accounts
from backend.identity.caller import Caller
from backend.identity.credentials import digest, new_secret
from backend.identity.people import PeopleService
from backend.identity.provision import checked_address
from backend.scim import repository
from backend.scim.messages import Changes, DirectoryUser, ScimError

TOKEN_PREFIX: Final = "fpscim_"  # noqa: S105 - a prefix that secret scanners can look for, not a secret
TOKEN_LIFE: Final = timedelta(days=365)
MOST_TOKENS: Final = 10
ROLES: Final = ("viewer", "technician", "engineer", "admin")
NEWCOMER: Final = "technician"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryToken:
    """A token as owners see it."""

    id: UUID
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class DirectoryService:
    """For directories, by their token; and for owners, who make the tokens."""

    def __init__(self, database: Database, people: PeopleService, leaving: LeavingService) -> None:
        self._db = database
        self._people = people
        self._leaving = leaving

    async def caller(self, token: str) -> Caller | None:
        """The directory as a caller: an administrator of its account, so nobody who changes owners."""
        row = await self._db.call("select * from auth_scim_token($1)", digest(token))
        if row is None:
            return None
        return Caller(
            account_id=row["account_id"],
            user_id=row["id"],
            name=f"Directory {row['label']}".strip(),
            email="",
            role="admin",
            account_name="",
            timezone="UTC",
            credential_id=row["id"],
            kind="token",
        )

    async def tokens(self, caller: Caller) -> list[DirectoryToken]:
        """The account's tokens."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            return [DirectoryToken(**row._asdict()) for row in await repository.tokens(tx, caller.account_id)]

    async def make_token(self, caller: Caller, label: str) -> str:
        """A token for a year, told once; owners only."""
        caller.require("owner")
        name, token = clean("label", label, longest=120), new_secret(TOKEN_PREFIX)
        async with self._db.tenant(caller.account_id) as tx:
            if len(await repository.tokens(tx, caller.account_id)) >= MOST_TOKENS:
                raise Refusal("limit_reached", f"There are {MOST_TOKENS} tokens. End one first.")
            await repository.insert_token(
                tx,
                account_id=caller.account_id,
                id=new_id(),
                token_hash=digest(token),
                label=name,
                created_by=caller.user_id,
                expires_at=datetime.now(UTC) + TOKEN_LIFE,
            )
            await record(tx, caller, "sso.scim_token_created", name)
        return token

    async def end_token(self, caller: Caller, token_id: UUID) -> None:
        """It is worth nothing from now on."""
        caller.require("owner")
        async with self._db.tenant(caller.account_id) as tx:
            label = await repository.revoke_token(tx, caller.account_id, token_id)
            if label is None:
                raise Refusal("not_found", "There is no such token.")
            await record(tx, caller, "sso.scim_token_ended", label)

    async def users(
        self, caller: Caller, by: tuple[str, str] | None, first: int, most: int
    ) -> tuple[list[DirectoryUser], int]:
        """A page of people and how many there are in all."""
        async with self._db.tenant(caller.account_id) as tx:
            rows, total = await repository.users(tx, caller.account_id, by, first, most)
        return [_seen(row) for row in rows], total

    async def user(self, caller: Caller, user_id: UUID | None) -> DirectoryUser:
        """One person. Refuses 404."""
        async with self._db.tenant(caller.account_id) as tx:
            return _seen(await self._found(tx, caller, user_id))

    async def create(self, caller: Caller, wanted: Changes) -> DirectoryUser:
        """Somebody new; who was deleted before comes back under the same id. Refuses 409 for a taken address."""
        async with self._db.tenant(caller.account_id) as tx:
            email = await self._address(tx, caller, wanted.email)
            before = await repository.user_by_email(tx, caller.account_id, email)
            if before is not None and before.deleted_at is None:
                raise ScimError(409, f"{email} is here already.", "uniqueness")
            user_id = before.id if before is not None else new_id()
            role = _role(wanted.role) if wanted.role else (before.role if before is not None else NEWCOMER)
            name = clean("displayName", wanted.name or email, longest=120)
            await self._external(tx, caller, wanted.external_id, user_id)
            if before is None:
                # Before the person is made, as where an invitation is accepted.
                await people_repository.close_invites(tx, caller.account_id, email)
                if not await accounts.insert_user(
                    tx,
                    account_id=caller.account_id,
                    user_id=user_id,
                    email=email,
                    name=name,
                    role=role,
                    password_hash=None,
                ):
                    raise ScimError(409, f"{email} cannot be used here.", "uniqueness")
            elif before.role == "owner":
                raise ScimError(403, "Owners are changed by owners.")
            else:  # an address that is given out again may be another person's by now
                await repository.forget_proofs(tx, caller.account_id, user_id)
                await people_repository.close_invites(tx, caller.account_id, email)
            await people_repository.update_person(
                tx,
                caller.account_id,
                user_id,
                name=name,
                role=role,
                external_id=wanted.external_id,
                active=wanted.active,
                deleted_at=None,
            )
            await record(
                tx, caller, "people.scim_created", name, {"e-mail": email, "role": ROLE_LABEL[cast("Role", role)]}
            )
            await accounts.replan(tx, caller.account_id)
        return await self.user(caller, user_id)

    async def change(self, caller: Caller, user_id: UUID | None, wanted: Changes) -> DirectoryUser:
        """What the request names. Whoever becomes inactive is out before the answer leaves."""
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._found(tx, caller, user_id)
            values = await self._values(tx, caller, found, wanted)
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            leaves = "active" in wanted.said and not wanted.active
            if found.role == "owner" and (changed or (leaves and found.active)):
                raise ScimError(403, "Owners are changed by owners.")
            if changed:
                await people_repository.update_person(tx, caller.account_id, found.id, **changed)
                await record(tx, caller, "people.scim_changed", found.name, {"changed": ", ".join(sorted(changed))})
        if "role" in wanted.said and _role(wanted.role) != found.role:
            await self._people.change_role(caller, found.id, wanted.role)
        if leaves:
            await self._leaving.leave(caller, found.id)
        elif "active" in wanted.said and not found.active:
            await self._people.activate(caller, found.id)
        return await self.user(caller, found.id)

    async def delete(self, caller: Caller, user_id: UUID | None) -> None:
        """Out, and not found any more."""
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._found(tx, caller, user_id)
            if found.role == "owner":
                raise ScimError(403, "Owners are changed by owners.")
        await self._leaving.leave(caller, found.id)
        async with self._db.tenant(caller.account_id) as tx:
            now = sa.func.now()
            await people_repository.update_person(tx, caller.account_id, found.id, deleted_at=now, external_id=None)
            await record(tx, caller, "people.scim_deleted", found.name)

    async def _found(self, tx: AsyncConnection, caller: Caller, user_id: UUID | None) -> AnyRow:
        row = await repository.user(tx, caller.account_id, user_id) if user_id is not None else None
        if row is None:
            raise ScimError(404, "There is no such user.")
        return row

    async def _values(self, tx: AsyncConnection, caller: Caller, found: AnyRow, wanted: Changes) -> dict[str, object]:
        """The columns that a request speaks of, roles and activity aside."""
        values: dict[str, object] = {}
        if "email" in wanted.said and wanted.email.lower() != found.email.lower():
            email = await self._address(tx, caller, wanted.email)
            if await accounts_has(tx, email):
                raise ScimError(409, f"{email} is taken.", "uniqueness")
            values["email"] = email
        if "name" in wanted.said:
            values["name"] = clean("displayName", wanted.name, longest=120)
        if "external_id" in wanted.said:
            await self._external(tx, caller, wanted.external_id, found.id)
            values["external_id"] = wanted.external_id
        if "role" in wanted.said:
            _role(wanted.role)
        return values

    @staticmethod
    async def _external(tx: AsyncConnection, caller: Caller, external_id: str | None, user_id: UUID) -> None:
        if external_id is None:
            return
        clean("externalId", external_id, longest=255)
        if await repository.external_id_taken(tx, caller.account_id, external_id, user_id):
            raise ScimError(409, "Somebody else has that externalId.", "uniqueness")

    @staticmethod
    async def _address(tx: AsyncConnection, caller: Caller, email: str) -> str:
        """The address, of a domain that is the account's by the operator's word: no directory takes over others'."""
        address = checked_address(email)
        d = account_domain
        statement = sa.select(d.c.domain).where(d.c.account_id == caller.account_id)
        known: Sequence[str] = list((await tx.execute(statement)).scalars())
        if address.rpartition("@")[2].lower() not in known:
            raise ScimError(
                400, "`userName` must be an address of a domain that is confirmed as yours.", "invalidValue"
            )
        return address


async def accounts_has(tx: AsyncConnection, email: str) -> bool:
    """Whether anybody who may sign in has the address, in whatever account."""
    return await accounts.user_by_email(tx, email) is not None


def _role(text: str) -> Role:
    if text not in ROLES:
        raise ScimError(400, f"`{text[:40]}` is no role here; there are {', '.join(ROLES)}.", "invalidValue")
    return cast("Role", text)


def _seen(row: AnyRow) -> DirectoryUser:
    return DirectoryUser(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        active=row.active,
        external_id=row.external_id,
        created_at=row.created_at,
    )
