"""SQL of second factors, recovery codes and half-made sign-ins."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.ids import new_id
from backend.db.sign_in_tables import recovery_code, second_factor, sign_in_step

POLICIES: Final = ("optional", "admins", "all")
_f, _r, _s = second_factor, recovery_code, sign_in_step


async def policy(tx: AsyncConnection, account_id: UUID) -> str:
    """Who of the account must give a second factor."""
    kept: str = (
        await tx.execute(sa.select(t.account.c.second_factor).where(t.account.c.id == account_id))
    ).scalar_one()
    return kept


async def set_policy(tx: AsyncConnection, account_id: UUID, value: str) -> None:
    """Write it."""
    await tx.execute(sa.update(t.account).where(t.account.c.id == account_id).values(second_factor=value))


async def factor(tx: AsyncConnection, account_id: UUID, user_id: UUID, *, lock: bool = False) -> t.AnyRow | None:
    """The person's factor, confirmed or not; `lock` keeps two uses of one code apart."""
    statement = sa.select(_f).where(_f.c.account_id == account_id, _f.c.user_id == user_id)
    return (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def insert(tx: AsyncConnection, **values: object) -> None:
    """A factor that has been begun."""
    await tx.execute(sa.insert(_f).values(created_at=sa.func.now(), last_step=0, **values))


async def drop(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> bool:
    """Take the factor and its recovery codes away, locked in the order in which a code is used. False for none."""
    done = await tx.execute(sa.delete(_f).where(_f.c.account_id == account_id, _f.c.user_id == user_id))
    await tx.execute(sa.delete(_r).where(_r.c.account_id == account_id, _r.c.user_id == user_id))
    return done.rowcount == 1


async def confirm(tx: AsyncConnection, account_id: UUID, factor_id: UUID, step: int) -> None:
    """It counts from now on; the first code is used up."""
    await tx.execute(
        sa.update(_f)
        .where(_f.c.account_id == account_id, _f.c.id == factor_id)
        .values(confirmed_at=sa.func.now(), last_step=step)
    )


async def use_step(tx: AsyncConnection, account_id: UUID, factor_id: UUID, step: int) -> None:
    """No code up to this time step counts any more; the row is locked by whoever asks."""
    await tx.execute(sa.update(_f).where(_f.c.account_id == account_id, _f.c.id == factor_id).values(last_step=step))


async def codes_left(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> int:
    """Recovery codes that have not been used."""
    statement = (
        sa.select(sa.func.count())
        .select_from(_r)
        .where(_r.c.account_id == account_id, _r.c.user_id == user_id, _r.c.used_at.is_(None))
    )
    return int((await tx.execute(statement)).scalar_one())


async def replace_codes(tx: AsyncConnection, account_id: UUID, user_id: UUID, hashes: list[bytes]) -> None:
    """These instead of those of before."""
    await tx.execute(sa.delete(_r).where(_r.c.account_id == account_id, _r.c.user_id == user_id))
    rows = [{"account_id": account_id, "id": new_id(), "user_id": user_id, "code_hash": one} for one in hashes]
    await tx.execute(sa.insert(_r).values(created_at=sa.func.now()), rows)


async def use_code(tx: AsyncConnection, account_id: UUID, user_id: UUID, code_hash: bytes) -> bool:
    """Use a recovery code up. False when there is no such code that is unused."""
    done = await tx.execute(
        sa.update(_r)
        .where(
            _r.c.account_id == account_id,
            _r.c.user_id == user_id,
            _r.c.code_hash == code_hash,
            _r.c.used_at.is_(None),
        )
        .values(used_at=sa.func.now())
    )
    return done.rowcount == 1


async def insert_step(tx: AsyncConnection, **values: object) -> None:
    """Somebody has taken the first step; what is older than a day is cleared away."""
    old = sa.func.now() - sa.text("interval '1 day'")
    await tx.execute(sa.delete(_s).where(_s.c.account_id == values["account_id"], _s.c.expires_at < old))
    await tx.execute(sa.insert(_s).values(created_at=sa.func.now(), **values))


async def lock_step(tx: AsyncConnection, account_id: UUID, token_hash: bytes) -> t.AnyRow | None:
    """A half-made sign-in that may still be finished, with its person; locked."""
    u = t.app_user
    statement = (
        sa.select(_s.c.id, _s.c.user_id, _s.c.method, u.c.name, u.c.email)
        .join(u, (u.c.account_id == _s.c.account_id) & (u.c.id == _s.c.user_id))
        .where(
            _s.c.account_id == account_id,
            _s.c.token_hash == token_hash,
            _s.c.used_at.is_(None),
            _s.c.expires_at > sa.func.now(),
            u.c.active,
        )
        .with_for_update(of=_s)
    )
    return (await tx.execute(statement)).one_or_none()


async def use_step_token(tx: AsyncConnection, account_id: UUID, step_id: UUID) -> None:
    """It is finished."""
    await tx.execute(
        sa.update(_s).where(_s.c.account_id == account_id, _s.c.id == step_id).values(used_at=sa.func.now())
    )
