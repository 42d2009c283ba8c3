"""SQL of replies, proposals, assessments and similar handoffs."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow

DEAD_AFTER_S: Final = 20.0
"""A running reply whose writer has not been heard of for so long has none any more."""
_r: Final = t.assistant_reply
_p: Final = t.proposal
_ALIVE: Final = _r.c.beat_at > sa.func.clock_timestamp() - sa.text(f"interval '{DEAD_AFTER_S} seconds'")
_END_DEAD = sa.text(
    "update assistant_reply set state = 'failed', reason = :why, ended_at = clock_timestamp()"
    " where account_id = :account and session_id = :session and state = 'running'"
    f" and beat_at <= clock_timestamp() - interval '{DEAD_AFTER_S} seconds'"
)
_CASES = sa.text(
    "select c.id, c.session_id, c.title, c.customer, c.resolution, c.resolved_at, f.hits, f.rank,"
    " cardinality(search_lexemes(:text)) as asked"
    " from search_cases(search_lexemes(:text), :session, :many) f"
    " join resolved_case c on c.account_id = :account and c.id = f.id order by f.hits desc, f.rank desc, c.id desc"
)
_RECORD = sa.text("select record_assessment(:account, :handoff, cast(:assessment as jsonb), :reason)")


async def ai_enabled(tx: AsyncConnection, account_id: UUID) -> bool:
    """Whether the account lets anything go to a model."""
    enabled: bool = (
        await tx.execute(sa.select(t.account.c.ai_enabled).where(t.account.c.id == account_id))
    ).scalar_one()
    return enabled


async def end_dead(tx: AsyncConnection, account_id: UUID, session_id: UUID, why: str) -> None:
    """Replies of processes that are gone have failed."""
    await tx.execute(_END_DEAD, {"account": account_id, "session": session_id, "why": why})


async def begin(tx: AsyncConnection, **values: object) -> None:
    """A reply that is running from now on. The session has no other (a unique index sees to it)."""
    await tx.execute(sa.insert(_r).values(**values))


async def running(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> AnyRow | None:
    """The session's running reply, locked."""
    statement = sa.select(_r).where(
        _r.c.account_id == account_id, _r.c.session_id == session_id, _r.c.state == "running"
    )
    return (await tx.execute(statement.with_for_update())).one_or_none()


async def newest(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> AnyRow | None:
    """The session's newest reply, `alive` false when its writer is gone."""
    statement = (
        sa.select(_r, _ALIVE.label("alive"))
        .where(_r.c.account_id == account_id, _r.c.session_id == session_id)
        .order_by(_r.c.started_at.desc(), _r.c.id.desc())
        .limit(1)
    )
    return (await tx.execute(statement)).one_or_none()


async def grow(tx: AsyncConnection, account_id: UUID, reply_id: UUID, content: str) -> bool:
    """Keep what has come so far; False when the reply was ended meanwhile, by whomever."""
    statement = (
        sa.update(_r)
        .where(_r.c.account_id == account_id, _r.c.id == reply_id, _r.c.state == "running")
        .values(content=content, beat_at=sa.func.clock_timestamp())
    )
    return bool((await tx.execute(statement)).rowcount)


async def end(
    tx: AsyncConnection,
    account_id: UUID,
    reply_id: UUID,
    state: str,
    *,
    content: str | None = None,
    reason: str | None = None,
    retry_after_s: float | None = None,
) -> bool:
    """End a running reply; False when it has ended already."""
    values: dict[str, object] = {"state": state, "reason": reason, "retry_after_s": retry_after_s}
    if content is not None:
        values["content"] = content
    statement = (
        sa.update(_r)
        .where(_r.c.account_id == account_id, _r.c.id == reply_id, _r.c.state == "running")
        .values(ended_at=sa.func.clock_timestamp(), **values)
    )
    return bool((await tx.execute(statement)).rowcount)


async def add_proposals(tx: AsyncConnection, rows: list[dict[str, object]]) -> None:
    """New proposals."""
    await tx.execute(sa.insert(_p), rows)


def _proposals(account_id: UUID) -> "sa.Select[tuple[object, ...]]":
    u = t.app_user
    return (
        sa.select(_p, u.c.name.label("decider"))
        .outerjoin(u, sa.and_(u.c.account_id == _p.c.account_id, u.c.id == _p.c.decided_by))
        .where(_p.c.account_id == account_id)
    )


async def proposals(tx: AsyncConnection, account_id: UUID, session_id: UUID, *, dismissed: bool) -> list[AnyRow]:
    """The session's proposals, oldest first, with or without the dismissed ones."""
    statement = _proposals(account_id).where(_p.c.session_id == session_id).order_by(_p.c.created_at, _p.c.id)
    if not dismissed:
        statement = statement.where(_p.c.state != "dismissed")
    return list((await tx.execute(statement)).all())


async def proposal(tx: AsyncConnection, account_id: UUID, session_id: UUID, proposal_id: UUID) -> AnyRow | None:
    """One proposal."""
    found = _proposals(account_id).where(_p.c.session_id == session_id, _p.c.id == proposal_id)
    return (await tx.execute(found)).one_or_none()


async def decide(
    tx: AsyncConnection,
    account_id: UUID,
    proposal_id: UUID,
    state: str,
    by: UUID,
    content: dict[str, object] | None = None,
) -> bool:
    """Accept (as `content`, where somebody put it right) or dismiss an open proposal; False when it was decided."""
    corrected = {} if content is None else {"content": content}
    statement = (
        sa.update(_p)
        .where(_p.c.account_id == account_id, _p.c.id == proposal_id, _p.c.state == "open")
        .values(state=state, decided_by=by, decided_at=sa.func.clock_timestamp(), **corrected)
    )
    return bool((await tx.execute(statement)).rowcount)


async def similar_cases(
    tx: AsyncConnection, account_id: UUID, text: str, but_session: UUID, many: int = 12
) -> list[AnyRow]:
    """Resolved handoffs that share words with the text, best first: `hits` of the `asked` words."""
    values = {"account": account_id, "text": text, "session": but_session, "many": many}
    return list((await tx.execute(_CASES, values)).all())


async def record_assessment(
    tx: AsyncConnection, account_id: UUID, handoff_id: UUID, assessment: str | None, reason: str | None
) -> bool:
    """Write it with its event, once; False when it was written before."""
    values = {"account": account_id, "handoff": handoff_id, "assessment": assessment, "reason": reason}
    return (await tx.execute(_RECORD, values)).scalar_one() is not None
