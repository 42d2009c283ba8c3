"""SQL of directories: their tokens, and people as they see them."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.sign_in_tables import recovery_code, scim_token, second_factor, sso_identity

_u, _k, _h = t.app_user, scim_token, t.handoff
_SEEN = sa.select(_u.c.id, _u.c.email, _u.c.name, _u.c.role, _u.c.active, _u.c.external_id, _u.c.created_at)
_THERE = (_u.c.deleted_at.is_(None), _u.c.erased_at.is_(None))  # a name that is erased is nobody's to write again


async def user(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> t.AnyRow | None:
    """One person whom the directory has not deleted, nor anybody erased."""
    statement = _SEEN.where(_u.c.account_id == account_id, _u.c.id == user_id, *_THERE)
    return (await tx.execute(statement)).one_or_none()


async def user_by_email(tx: AsyncConnection, account_id: UUID, email: str) -> t.AnyRow | None:
    """The person with the address, deleted or not; `deleted_at` says which."""
    statement = _SEEN.add_columns(_u.c.deleted_at).where(
        _u.c.account_id == account_id, sa.func.lower(_u.c.email) == email.lower()
    )
    return (await tx.execute(statement)).one_or_none()


async def users(
    tx: AsyncConnection, account_id: UUID, by: tuple[str, str] | None, first: int, most: int
) -> tuple[list[t.AnyRow], int]:
    """A page of people in a lasting order, and how many there are; `first` counts from 1."""
    where = [_u.c.account_id == account_id, *_THERE]
    if by is not None:
        name, value = by
        if name == "username":
            where.append(sa.func.lower(_u.c.email) == value.lower())
        elif name == "externalid":
            where.append(_u.c.external_id == value)
        else:
            where.append(sa.cast(_u.c.id, sa.Text) == value.lower())
    total = int((await tx.execute(sa.select(sa.func.count()).select_from(_u).where(*where))).scalar_one())
    page = _SEEN.where(*where).order_by(_u.c.created_at, _u.c.id).offset(first - 1).limit(most)
    return list((await tx.execute(page)).all()), total


async def forget_proofs(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> None:
    """Take away what a former person proved themselves with: password, second factor, who they are at a provider."""
    for table in (second_factor, recovery_code, sso_identity):
        await tx.execute(sa.delete(table).where(table.c.account_id == account_id, table.c.user_id == user_id))
    await tx.execute(sa.update(_u).where(_u.c.account_id == account_id, _u.c.id == user_id).values(password_hash=None))


async def external_id_taken(tx: AsyncConnection, account_id: UUID, external_id: str, but: UUID) -> bool:
    """Whether somebody else has the directory's id."""
    statement = sa.select(_u.c.id).where(_u.c.account_id == account_id, _u.c.external_id == external_id, _u.c.id != but)
    return (await tx.execute(statement)).first() is not None


async def tokens(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """Tokens that hold, the newest first."""
    statement = (
        sa.select(_k.c.id, _k.c.label, _k.c.created_at, _k.c.expires_at, _k.c.last_used_at)
        .where(_k.c.account_id == account_id, _k.c.revoked_at.is_(None), _k.c.expires_at > sa.func.now())
        .order_by(_k.c.created_at.desc(), _k.c.id.desc())
    )
    return list((await tx.execute(statement)).all())


async def insert_token(tx: AsyncConnection, **values: object) -> None:
    """A directory's token; only its hash is kept."""
    await tx.execute(sa.insert(_k).values(created_at=sa.func.now(), **values))


async def revoke_token(tx: AsyncConnection, account_id: UUID, token_id: UUID) -> str | None:
    """The label of the token that has ended now; None when there is none."""
    statement = (
        sa.update(_k)
        .where(_k.c.account_id == account_id, _k.c.id == token_id, _k.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(_k.c.label)
    )
    label: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return label
