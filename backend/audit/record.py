"""Writing the audit log, in the transaction of what is done.

`await record(tx, caller, "people.invited", "Sam Whitlock", {"role": "engineer"})` inserts one row and takes no lock:
it can neither slow nor fail what it records. Escalations and claims are not written here; they are taken from the
account's event log when the entries are sealed (docs/adr/0009).
"""

import json
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.http.client import client_address

_LONGEST = 300
_INSERT = sa.text(
    "insert into audit_pending (account_id, actor_id, actor, action, target, detail, address)"
    " values (:account, :actor_id, :actor, :action, :target, :detail, :address)"
)


class Actor(Protocol):
    """Whoever does something: any signed-in caller."""

    @property
    def account_id(self) -> UUID:
        """Whose log it stands in."""

    @property
    def user_id(self) -> UUID:
        """The user's id."""

    @property
    def name(self) -> str:
        """The name as it was then."""


async def record(
    tx: AsyncConnection, actor: Actor, action: str, target: str = "", detail: Mapping[str, object] | None = None
) -> None:
    """Write down that `actor` did `action` to `target` (words for people). `detail` is kept as JSON; no secrets."""
    await record_of(tx, actor.account_id, action, target, detail, actor_id=actor.user_id, actor=actor.name)


async def record_of(
    tx: AsyncConnection,
    account_id: UUID,
    action: str,
    target: str = "",
    detail: Mapping[str, object] | None = None,
    *,
    actor_id: UUID | None = None,
    actor: str = "",
) -> None:
    """Like `record`, where nobody is signed in: a refused sign-in, a command at the command line."""
    await tx.execute(
        _INSERT,
        {
            "account": account_id,
            "actor_id": actor_id,
            "actor": _plain(actor),
            "action": action,
            "target": _plain(target),
            "detail": json.dumps(detail, ensure_ascii=False, default=str).replace("\x00", "") if detail else "",
            "address": client_address.get(),
        },
    )


def _plain(text: str) -> str:
    return text.replace("\x00", "")[:_LONGEST]
