"""SQL of accounts, users and credentials."""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.ids import new_id


async def user_by_email(tx: AsyncConnection, email: str) -> t.AnyRow | None:
    """The active user with this address in any account, with the password hash."""
    return (await tx.execute(sa.text("select * from auth_user_by_email(:email)"), {"email": email})).one_or_none()


async def insert_account(tx: AsyncConnection, *, account_id: UUID, name: str) -> None:
    """A new account and its empty event log."""
    await tx.execute(sa.insert(t.account).values(id=account_id, name=name))
    await tx.execute(sa.text("insert into account_stream (account_id) values (:id)"), {"id": account_id})


async def account_exists(tx: AsyncConnection, account_id: UUID) -> bool:
    """True when the transaction's account is there."""
    return (await tx.execute(sa.select(t.account.c.id).where(t.account.c.id == account_id))).first() is not None


async def insert_user(
    tx: AsyncConnection, *, account_id: UUID, user_id: UUID, email: str, name: str, role: str, password_hash: str | None
) -> bool:
    """False when the address is taken."""
    done = await tx.execute(
        sa.text(
            "insert into app_user (account_id, id, email, name, role, password_hash)"
            " values (:account, :id, :email, :name, :role, :hash) on conflict do nothing"
        ),
        {"account": account_id, "id": user_id, "email": email, "name": name, "role": role, "hash": password_hash},
    )
    return done.rowcount == 1


async def seniors(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """Active users who may claim, by name."""
    u = t.app_user
    statement = (
        sa.select(u.c.id, u.c.name, u.c.email, u.c.role)
        .where(u.c.account_id == account_id, u.c.active, u.c.role.in_(("engineer", "admin", "owner")))
        .order_by(u.c.name, u.c.id)
    )
    return list((await tx.execute(statement)).all())


async def colleagues(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """Active users who may work in sessions, by name."""
    u = t.app_user
    statement = (
        sa.select(u.c.id, u.c.name, u.c.email, u.c.role)
        .where(u.c.account_id == account_id, u.c.active, u.c.role != "viewer")
        .order_by(u.c.name, u.c.id)
    )
    return list((await tx.execute(statement)).all())


async def user_role(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> str | None:
    """The role of an active user of the account, or None."""
    u = t.app_user
    statement = sa.select(u.c.role).where(u.c.account_id == account_id, u.c.id == user_id, u.c.active)
    role: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return role


async def insert_token(
    tx: AsyncConnection,
    *,
    account_id: UUID,
    token_id: UUID,
    user_id: UUID,
    token_hash: bytes,
    label: str,
    expires_at: datetime | None,
    scopes: list[str] | None = None,
) -> None:
    """A personal access token; only its hash is kept."""
    await tx.execute(
        sa.insert(t.access_token).values(
            account_id=account_id,
            id=token_id,
            user_id=user_id,
            token_hash=token_hash,
            label=label,
            created_at=sa.func.now(),
            expires_at=expires_at,
            scopes=scopes,
        )
    )


async def insert_web_session(tx: AsyncConnection, **values: object) -> None:
    """A signed-in browser."""
    await tx.execute(sa.insert(t.web_session).values(created_at=sa.func.now(), **values))


async def asked_by(tx: AsyncConnection, account_id: UUID, ticket_hash: bytes) -> UUID | None:
    """The sign-in that asked for a ticket."""
    o = t.open_ticket
    statement = sa.select(o.c.credential_id).where(o.c.account_id == account_id, o.c.ticket_hash == ticket_hash)
    found: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return found


async def revoke_web_session(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> None:
    """Sign one browser out."""
    w = t.web_session
    await tx.execute(
        sa.update(w).where(w.c.account_id == account_id, w.c.id == session_id).values(revoked_at=sa.func.now())
    )


async def insert_trusted_browser(tx: AsyncConnection, **values: object) -> None:
    """Remember that this user proved who they are in this browser."""
    await tx.execute(sa.insert(t.trusted_browser).values(created_at=sa.func.now(), **values))


async def keep_ticket(
    database: Database,
    *,
    account_id: UUID,
    user_id: UUID,
    handoff_id: UUID,
    credential_id: UUID,
    ticket_hash: bytes,
    life: timedelta,
) -> None:
    """A one-time ticket; only its hash is kept."""
    statement = "select keep_ticket($1, $2, $3, $4, $5, $6, $7)"
    values = (account_id, new_id(), user_id, handoff_id, credential_id, ticket_hash, life)
    await database.call(statement, *values, of=account_id)


async def settings(tx: AsyncConnection, account_id: UUID) -> t.AnyRow:
    """The account's settings."""
    a = t.account
    statement = sa.select(
        a.c.timezone,
        a.c.escalation_policy,
        a.c.retention_days,
        a.c.log_retention_days,
        a.c.email_content,
        a.c.email_offline_delay_s,
        a.c.email_sender_name,
        a.c.ai_enabled,
        a.c.analytics_names_for_seniors,
        a.c.analytics_small_groups,
    )
    return (await tx.execute(statement.where(a.c.id == account_id))).one()


async def update_settings(tx: AsyncConnection, account_id: UUID, changes: dict[str, object]) -> None:
    """Write the changed columns."""
    await tx.execute(sa.update(t.account).where(t.account.c.id == account_id).values(**changes))


async def replan(tx: AsyncConnection, account_id: UUID) -> None:
    """Let every open handoff of the account look at its plan again, in this transaction."""
    await tx.execute(sa.text("select replan_account(:account)"), {"account": account_id})
