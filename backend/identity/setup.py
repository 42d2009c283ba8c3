"""Set-up codes: an administrator makes one, rolls it out with the app, and takes it back.

A code only names: whoever holds it learns the account's name and nothing else, and still has to sign in. What it
prevents is that somebody connects a computer of this account to another one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.audit.record import record
from backend.contract.setup import new_code, tidy
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.domain.refusal import Refusal
from backend.domain.text import said
from backend.identity import setup_repository as repository
from backend.identity.caller import Caller

MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupCode:
    """One code; `computers` counts those that were signed in by it and still are."""

    id: UUID
    code: str
    label: str
    created_at: datetime
    created_by: str
    computers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpFor:
    """Whom a code names."""

    account_id: UUID
    setup_id: UUID
    account_name: str


class SetupService:
    """The codes of all accounts; each administrator sees those of their own."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def named_by(self, code: str) -> SetUpFor | None:
        """The account of a code; None for one that is unknown or revoked."""
        kept = tidy(code)
        row = await self._db.call("select * from setup_code_account($1)", kept) if kept else None
        if row is None:
            return None
        return SetUpFor(account_id=row["account_id"], setup_id=row["setup_id"], account_name=row["account_name"])

    async def all(self, caller: Caller) -> list[SetupCode]:
        """Those of the account that hold, the newest first; administrators only."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.every(tx, caller.account_id)
        return [
            SetupCode(
                id=row.id,
                code=row.code,
                label=row.label,
                created_at=row.created_at,
                created_by=row.created_by_name,
                computers=row.computers,
            )
            for row in rows
        ]

    async def create(self, caller: Caller, label: str) -> None:
        """Make one. Refuses `invalid_body` without a label, `limit_reached` above fifty."""
        caller.require("admin")
        name = said("label", label, longest=80)
        async with self._db.tenant(caller.account_id) as tx:
            if await repository.count(tx, caller.account_id) >= MOST:
                raise Refusal(
                    "limit_reached", f"There are {MOST} set-up codes, as many as there may be. Revoke one first."
                )
            await repository.insert(
                tx, account_id=caller.account_id, id=new_id(), code=new_code(), label=name, created_by=caller.user_id
            )
            await record(tx, caller, "installer.code_created", name)

    async def revoke(self, caller: Caller, setup_id: UUID) -> None:
        """Take one back; computers that are signed in stay so. Refuses `not_found`."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            label = await repository.revoke(tx, caller.account_id, setup_id)
            if label is None:
                raise Refusal("not_found", "There is no such set-up code.")
            await record(tx, caller, "installer.code_revoked", label)
