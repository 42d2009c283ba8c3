"""What the escalation policy says about one handoff, with the people it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.policy import EscalationPolicy
from backend.db import tables as t
from backend.db.tables import AnyRow
from backend.domain.policy import Audience, stored
from backend.identity.repository import seniors

ADMINS = frozenset({"admin", "owner"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """An account's policy and time zone; `now` is the database's clock, the one clock that all workers share."""

    policy: EscalationPolicy
    tz: ZoneInfo
    now: datetime
    people: Sequence[AnyRow]

    def names(self, audience: Audience, target: UUID | None, *, but: UUID) -> list[str]:
        """Who is meant, by name; empty for everyone. `but` is the one who escalated."""
        if audience.who == "everyone":
            return []
        return [one.name for one in self.people if one.id != but and _is_in(one, audience, target)]


def _is_in(one: AnyRow, audience: Audience, target: UUID | None) -> bool:
    match audience.who:
        case "target":
            return bool(one.id == target)
        case "admins":
            return one.role in ADMINS
        case "owner":
            return bool(one.role == "owner")
        case "user":
            return str(one.id) == audience.user_id
        case _:
            return True


async def account_plan(tx: AsyncConnection, account_id: UUID) -> AccountPlan:
    """Read the plan's parts in the transaction that will act on them."""
    a = t.account
    statement = sa.select(a.c.escalation_policy, a.c.timezone, sa.func.clock_timestamp().label("now"))
    row = (await tx.execute(statement.where(a.c.id == account_id))).one()
    return AccountPlan(
        policy=stored(row.escalation_policy),
        tz=ZoneInfo(row.timezone),
        now=row.now.astimezone(UTC),
        people=await seniors(tx, account_id),
    )


def next_step(at: datetime, kind: str, who: str, names: Sequence[str], *, final: bool = False) -> Mapping[str, Any]:
    """The contract's NextStep as the handoff keeps it."""
    return {"at": at.isoformat(), "kind": kind, "who": [who], "names": list(names), "final": final}
