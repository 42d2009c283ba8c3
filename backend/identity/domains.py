"""Domains of an account, confirmed by whoever runs the server: their addresses lead to its account's provider."""

import re
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from backend.audit.record import record_of
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.sign_in_tables import account_domain
from backend.domain.refusal import Refusal
from backend.identity.repository import account_exists

_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_EVERYBODYS: Final = frozenset(
    ("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "proton.me")
)


async def confirm_domain(database: Database, account_id: UUID, domain: str) -> str:
    """Keep that the domain is this account's; answers it as it is kept. A domain is one account's alone."""
    name = domain.strip().lower().lstrip("@").rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise Refusal("invalid_body", f"`{domain}` is no domain; write a host name, in its xn-- form.", field="domain")
    if name in _EVERYBODYS:
        raise Refusal("invalid_body", f"{name} is everybody's, no account's.", field="domain")
    async with database.tenant(account_id) as tx:
        if not await account_exists(tx, account_id):
            raise Refusal("not_found", f"There is no account {account_id}.")
        values = {"account_id": account_id, "id": new_id(), "domain": name}
        done = await tx.execute(insert(account_domain).values(values).on_conflict_do_nothing())
        if done.rowcount == 1:
            await record_of(tx, account_id, "sso.domain", name, actor="Command line")
            return name
        mine = sa.select(account_domain.c.id).where(
            account_domain.c.account_id == account_id, account_domain.c.domain == name
        )
        if (await tx.execute(mine)).first() is None:
            raise Refusal("invalid_body", f"{name} is another account's.", field="domain")
    return name
