"""The people of an account, as its administrators look after them."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.roles import RANK, at_least
from backend.domain.text import clean_optional
from backend.identity import people_repository as repository
from backend.identity import repository as accounts
from backend.identity.caller import Caller
from backend.identity.devices import SIGN_INS
from backend.jobs.job import TOPIC

MOST: Final = 1_000
"""People that one page shows; more are found by search."""

_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}")


class Named(Protocol):
    """Whoever has a role."""

    id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person. `seen_at` is the last sign of life that the server has, None before the first."""

    id: UUID
    name: str
    email: str
    role: Role
    active: bool
    phone: str | None
    on_desktop: bool
    on_web: bool
    seen_at: datetime | None
    email_refused_at: datetime | None
    email_refusal: str | None
    second_factor: bool


def check_role(role: str) -> Role:
    """The role, or a refusal."""
    if role not in RANK:
        raise Refusal("invalid_body", f"`{role}` is no role; there are {', '.join(RANK)}.", field="role")
    return role


class PeopleService:
    """For administrators; only an owner changes owners or makes one."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def everyone(
        self, caller: Caller, words: str = "", *, skip: int = 0, most: int = MOST
    ) -> tuple[list[Member], int]:
        """People whose name or address holds `words`, from a place in the list on, and how many are active in all."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.people(tx, caller.account_id, words.replace("\x00", "").strip() or None, most, skip)
            total = await repository.count(tx, caller.account_id)
        return [Member(**row._asdict()) for row in rows], total

    async def one(self, caller: Caller, user_id: UUID) -> Member | None:
        """One person, None where the account has no such."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.people(tx, caller.account_id, None, 1, only=user_id)
        return Member(**rows[0]._asdict()) if rows else None

    async def numbers(self, caller: Caller) -> list[tuple[str, str]]:
        """Name and phone number of the owners who have one, for whoever escalated and saw nobody come."""
        async with self._db.tenant(caller.account_id) as tx:
            return await repository.owners_numbers(tx, caller.account_id)

    async def change_role(self, caller: Caller, user_id: UUID, role: str) -> None:
        """Give another role; the person's next request has it."""
        new = check_role(role)
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._changeable(tx, caller, user_id)
            if found.role == new:
                return
            _only_owners(caller, new)
            if not at_least(new, "admin") or found.role == "owner":
                await _somebody_stays(tx, caller.account_id, found, new)
            await repository.update_person(tx, caller.account_id, user_id, role=new)
            # A link for a new password was made for the former role; invitations, by somebody who could make them.
            await repository.close_invites(tx, caller.account_id, found.email)
            if not at_least(new, found.role):
                await repository.close_invites_by(tx, caller.account_id, user_id, owners_only=at_least(new, "admin"))
            detail = {"from": ROLE_LABEL[found.role], "to": ROLE_LABEL[new]}
            await record(tx, caller, "people.role_changed", found.name, detail)
            await accounts.replan(tx, caller.account_id)
        self._db.wakeup.touch(SIGN_INS, TOPIC)

    async def deactivate(self, caller: Caller, user_id: UUID) -> Named:
        """End every sign-in of this person, sockets within two seconds. Answers who it is.

        What they hold is planned to go back to the queue; `LeavingService` gives it back at once.
        """
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._changeable(tx, caller, user_id)
            if not found.active:
                return cast("Named", found)
            await _somebody_stays(tx, caller.account_id, found, None)
            await repository.update_person(tx, caller.account_id, user_id, active=False)
            await repository.end_sign_ins(tx, caller.account_id, user_id)
            await repository.close_invites(tx, caller.account_id, found.email)
            await repository.close_invites_by(tx, caller.account_id, user_id, owners_only=False)
            await record(tx, caller, "people.deactivated", found.name, {"role": ROLE_LABEL[found.role]})
            await accounts.replan(tx, caller.account_id)
        self._db.wakeup.touch(SIGN_INS, TOPIC)
        return cast("Named", found)

    async def activate(self, caller: Caller, user_id: UUID) -> None:
        """Let a deactivated person sign in again; no earlier sign-in comes back."""
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._changeable(tx, caller, user_id)
            if found.active:
                return
            await repository.update_person(tx, caller.account_id, user_id, active=True)
            await record(tx, caller, "people.activated", found.name, {"role": ROLE_LABEL[found.role]})

    async def set_phone(self, caller: Caller, user_id: UUID, phone: str) -> None:
        """The number that a technician is shown when nobody has come; empty removes it."""
        number = clean_optional("phone", phone, longest=32)
        if number is not None and not _PHONE.fullmatch(number):
            raise Refusal("invalid_body", "A phone number holds digits, spaces and + ( ) - . / only.", field="phone")
        async with self._db.tenant(caller.account_id) as tx:
            found = await self._changeable(tx, caller, user_id)
            if found.phone != number:
                await repository.update_person(tx, caller.account_id, user_id, phone=number)
                await record(tx, caller, "people.phone_changed", found.name)

    @staticmethod
    async def _changeable(tx: AsyncConnection, caller: Caller, user_id: UUID) -> AnyRow:
        """The person, whom this caller may change."""
        caller.require("admin")
        # Everyone who can be the last administrator is locked before anyone else: one order, no deadlock.
        await repository.lock_leaders(tx, caller.account_id)
        found = await repository.person(tx, caller.account_id, user_id)
        if found is None:
            raise Refusal("not_found", "There is no such person.")
        _only_owners(caller, found.role)
        return found


def _only_owners(caller: Caller, role: str) -> None:
    if role == "owner":
        caller.require("owner")


async def _somebody_stays(tx: AsyncConnection, account_id: UUID, found: Named, role: Role | None) -> None:
    """Refuse what would leave the account without an owner where it has one, or without an administrator."""
    others = [one.role for one in await repository.lock_leaders(tx, account_id) if one.id != found.id]
    if found.role == "owner" and role != "owner" and "owner" not in others:
        raise Refusal("invalid_body", "There must be one owner. Make somebody else an owner first.", field="role")
    if at_least(found.role, "admin") and not others and (role is None or not at_least(role, "admin")):
        raise Refusal("invalid_body", "There must be one administrator.", field="role")
