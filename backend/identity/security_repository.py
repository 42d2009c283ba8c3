"""SQL of a person's own sign-ins: browsers and personal access tokens."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t

_w, _k, _u = t.web_session, t.access_token, t.app_user


async def web_sessions(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> list[t.AnyRow]:
    """Browsers that are signed in, the last used first."""
    statement = (
        sa.select(_w.c.id, _w.c.address, _w.c.user_agent, _w.c.method, _w.c.created_at, _w.c.last_used_at)
        .where(
            _w.c.account_id == account_id,
            _w.c.user_id == user_id,
            _w.c.revoked_at.is_(None),
            _w.c.expires_at > sa.func.now(),
            _w.c.opened_by.is_(None) | sa.not_(sa.func.opener_ended(_w.c.account_id, _w.c.opened_by)),
        )
        .order_by(sa.func.coalesce(_w.c.last_used_at, _w.c.created_at).desc(), _w.c.id.desc())
        .limit(200)
    )
    return list((await tx.execute(statement)).all())


async def proof(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> t.AnyRow | None:
    """How and when this browser was signed in."""
    statement = sa.select(_w.c.proved, _w.c.created_at, _w.c.method)
    return (await tx.execute(statement.where(_w.c.account_id == account_id, _w.c.id == session_id))).one_or_none()


async def revoke_web_session(tx: AsyncConnection, account_id: UUID, user_id: UUID, session_id: UUID) -> bool:
    """False when this person has no such browser signed in."""
    done = await tx.execute(
        sa.update(_w)
        .where(
            _w.c.account_id == account_id,
            _w.c.user_id == user_id,
            _w.c.id == session_id,
            _w.c.revoked_at.is_(None),
        )
        .values(revoked_at=sa.func.now())
    )
    return done.rowcount == 1


async def tokens(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> list[t.AnyRow]:
    """Personal access tokens that hold, the newest first."""
    statement = (
        sa.select(_k.c.id, _k.c.label, _k.c.scopes, _k.c.created_at, _k.c.expires_at, _k.c.last_used_at)
        .where(
            _k.c.account_id == account_id,
            _k.c.user_id == user_id,
            _k.c.revoked_at.is_(None),
            _k.c.expires_at.is_(None) | (_k.c.expires_at > sa.func.now()),
        )
        .order_by(_k.c.created_at.desc(), _k.c.id.desc())
    )
    return list((await tx.execute(statement)).all())


async def revoke_token(tx: AsyncConnection, account_id: UUID, user_id: UUID, token_id: UUID) -> str | None:
    """The label of the token that has ended now; None when this person has no such token."""
    done = await tx.execute(
        sa.update(_k)
        .where(_k.c.account_id == account_id, _k.c.user_id == user_id, _k.c.id == token_id, _k.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(_k.c.label)
    )
    label: str | None = done.scalar_one_or_none()
    return label


async def password_hash(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> str | None:
    """The hash of the person's password; None where they have none."""
    statement = sa.select(_u.c.password_hash).where(_u.c.account_id == account_id, _u.c.id == user_id)
    kept: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return kept
