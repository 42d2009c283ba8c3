"""SQL of single sign-on."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.sign_in_tables import account_domain, sso_attempt, sso_connection, sso_identity

_c, _i, _a, _d = sso_connection, sso_identity, sso_attempt, account_domain


async def connection(tx: AsyncConnection, account_id: UUID) -> t.AnyRow | None:
    """The account's provider."""
    return (await tx.execute(sa.select(_c).where(_c.c.account_id == account_id))).one_or_none()


async def insert_connection(tx: AsyncConnection, **values: object) -> None:
    """A provider where there was none."""
    await tx.execute(sa.insert(_c).values(created_at=sa.func.now(), updated_at=sa.func.now(), **values))


async def update_connection(tx: AsyncConnection, account_id: UUID, **values: object) -> None:
    """Other words for it."""
    await tx.execute(sa.update(_c).where(_c.c.account_id == account_id).values(updated_at=sa.func.now(), **values))


async def drop_connection(tx: AsyncConnection, account_id: UUID) -> bool:
    """Take the provider away, with who its people are there. False when there was none."""
    await tx.execute(sa.delete(_i).where(_i.c.account_id == account_id))
    return (await tx.execute(sa.delete(_c).where(_c.c.account_id == account_id))).rowcount == 1


async def domains(tx: AsyncConnection, account_id: UUID) -> list[str]:
    """Domains that the operator has confirmed to be the account's."""
    statement = sa.select(_d.c.domain).where(_d.c.account_id == account_id).order_by(_d.c.domain)
    return list((await tx.execute(statement)).scalars())


async def password_sign_in(tx: AsyncConnection, account_id: UUID) -> str:
    """Who may use a password: everyone, owners."""
    kept: str = (
        await tx.execute(sa.select(t.account.c.password_sign_in).where(t.account.c.id == account_id))
    ).scalar_one()
    return kept


async def set_password_sign_in(tx: AsyncConnection, account_id: UUID, value: str) -> None:
    """Write it."""
    await tx.execute(sa.update(t.account).where(t.account.c.id == account_id).values(password_sign_in=value))


async def insert_attempt(tx: AsyncConnection, **values: object) -> None:
    """A browser goes to the provider; what is older than a day is cleared away."""
    old = sa.func.now() - sa.text("interval '1 day'")
    await tx.execute(sa.delete(_a).where(_a.c.account_id == values["account_id"], _a.c.expires_at < old))
    await tx.execute(sa.insert(_a).values(created_at=sa.func.now(), **values))


async def use_attempt(tx: AsyncConnection, account_id: UUID, state_hash: bytes, browser_hash: bytes) -> t.AnyRow | None:
    """The attempt of this state and this very browser, used up; None where there is none that may still be used."""
    statement = (
        sa.update(_a)
        .where(
            _a.c.account_id == account_id,
            _a.c.state_hash == state_hash,
            _a.c.browser_hash == browser_hash,
            _a.c.used_at.is_(None),
            _a.c.expires_at > sa.func.now(),
        )
        .values(used_at=sa.func.now())
        .returning(_a.c.next)
    )
    used: t.AnyRow | None = (await tx.execute(statement)).one_or_none()
    return used


async def identity(tx: AsyncConnection, account_id: UUID, issuer: str, subject: str) -> t.AnyRow | None:
    """Who a person of the provider is here, with whether they are active; their last use is written down."""
    u = t.app_user
    here = (_i.c.account_id == account_id, _i.c.issuer == issuer, _i.c.subject == subject)
    await tx.execute(sa.update(_i).where(*here).values(last_used_at=sa.func.now()))
    statement = (
        sa.select(u.c.id, u.c.name, u.c.email, u.c.role, u.c.active)
        .join(_i, (_i.c.account_id == u.c.account_id) & (_i.c.user_id == u.c.id))
        .where(*here)
    )
    return (await tx.execute(statement)).one_or_none()


async def insert_identity(tx: AsyncConnection, **values: object) -> None:
    """Remember who a person of the provider is here."""
    await tx.execute(sa.insert(_i).values(created_at=sa.func.now(), last_used_at=sa.func.now(), **values))


async def user_by_email(tx: AsyncConnection, account_id: UUID, email: str) -> t.AnyRow | None:
    """The person of this account with the address, active or not."""
    u = t.app_user
    statement = sa.select(u.c.id, u.c.name, u.c.email, u.c.role, u.c.active)
    statement = statement.where(u.c.account_id == account_id, sa.func.lower(u.c.email) == email.lower())
    return (await tx.execute(statement)).one_or_none()
