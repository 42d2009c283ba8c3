"""SQL of devices, their codes and their tokens."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t

_d, _c, _k, _p = t.device, t.oauth_code, t.device_token, t.client_presence


async def proved(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> bool:
    """True when this web sign-in was made by password."""
    w = t.web_session
    statement = sa.select(w.c.proved).where(w.c.account_id == account_id, w.c.id == session_id)
    return bool((await tx.execute(statement)).scalar_one_or_none())


async def insert_code(tx: AsyncConnection, **values: object) -> None:
    """A code that can be redeemed once; only its hash is kept. Those of other days are cleared away."""
    await tx.execute(
        sa.delete(_c).where(
            _c.c.account_id == values["account_id"], _c.c.expires_at < sa.func.now() - sa.text("interval '1 day'")
        )
    )
    await tx.execute(sa.insert(_c).values(created_at=sa.func.now(), **values))


async def codes_since(tx: AsyncConnection, account_id: UUID, user_id: UUID, since: datetime) -> int:
    """How many computers this user has said yes to since then."""
    statement = (
        sa.select(sa.func.count())
        .select_from(_c)
        .where(_c.c.account_id == account_id, _c.c.user_id == user_id, _c.c.created_at > since)
    )
    return int((await tx.execute(statement)).scalar_one())


async def lock_code(tx: AsyncConnection, account_id: UUID, code_hash: bytes) -> t.AnyRow | None:
    """The code with whether it is alive, locked: of many redemptions one comes first."""
    u = t.app_user
    statement = (
        sa.select(_c, (_c.c.expires_at > sa.func.now()).label("alive"), u.c.active)
        .join(u, (u.c.account_id == _c.c.account_id) & (u.c.id == _c.c.user_id))
        .where(_c.c.account_id == account_id, _c.c.code_hash == code_hash)
        .with_for_update(of=_c)
    )
    return (await tx.execute(statement)).one_or_none()


async def use_code(tx: AsyncConnection, account_id: UUID, code_id: UUID, device_id: UUID) -> None:
    """Used up, by this device."""
    await tx.execute(
        sa.update(_c)
        .where(_c.c.account_id == account_id, _c.c.id == code_id)
        .values(used_at=sa.func.now(), device_id=device_id)
    )


async def insert_device(tx: AsyncConnection, **values: object) -> None:
    """A newly connected computer."""
    await tx.execute(sa.insert(_d).values(created_at=sa.func.now(), last_seen_at=sa.func.now(), **values))


async def lock_family(tx: AsyncConnection, account_id: UUID, family_hash: bytes) -> t.AnyRow | None:
    """The device of a refresh token, with whether it and its user are alive; locked."""
    u = t.app_user
    alive = _d.c.revoked_at.is_(None) & (_d.c.expires_at > sa.func.now()) & u.c.active
    statement = (
        sa.select(_d, alive.label("alive"))
        .join(u, (u.c.account_id == _d.c.account_id) & (u.c.id == _d.c.user_id))
        .where(_d.c.account_id == account_id, _d.c.family_hash == family_hash)
        .with_for_update(of=_d)
    )
    return (await tx.execute(statement)).one_or_none()


async def move_on(
    tx: AsyncConnection, account_id: UUID, device_id: UUID, *, refresh_hash: bytes, next_hash: bytes
) -> None:
    """The newest used refresh token, and the one that follows it."""
    await tx.execute(
        sa.update(_d)
        .where(_d.c.account_id == account_id, _d.c.id == device_id)
        .values(refresh_hash=refresh_hash, next_hash=next_hash, last_seen_at=sa.func.now())
    )


async def insert_access_token(tx: AsyncConnection, *, keep: int, **values: object) -> None:
    """A device's access token; of the older ones only the newest `keep` that live stay."""
    await tx.execute(sa.insert(_k).values(created_at=sa.func.clock_timestamp(), **values))
    mine = (_k.c.account_id == values["account_id"]) & (_k.c.device_id == values["device_id"])
    newest = sa.select(_k.c.id).where(mine).order_by(_k.c.created_at.desc(), _k.c.id.desc()).limit(keep)
    await tx.execute(sa.delete(_k).where(mine, (_k.c.expires_at < sa.func.now()) | _k.c.id.not_in(newest)))


async def revoke(
    tx: AsyncConnection, account_id: UUID, device_id: UUID, why: str, *, user_id: UUID | None = None
) -> bool:
    """Sign a device out, with its access tokens and the trust of the browser it was connected in.

    False when there is no such device (of this user, where one is named) that is still signed in.
    """
    statement = (
        sa.update(_d)
        .where(_d.c.account_id == account_id, _d.c.id == device_id, _d.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now(), revoked_why=why, next_hash=None)
        .returning(_d.c.browser_id)
    )
    if user_id is not None:
        statement = statement.where(_d.c.user_id == user_id)
    found = (await tx.execute(statement)).one_or_none()
    if found is None:
        return False
    b = t.trusted_browser
    await tx.execute(sa.delete(_k).where(_k.c.account_id == account_id, _k.c.device_id == device_id))
    await tx.execute(
        sa.update(b).where(b.c.account_id == account_id, b.c.id == found.browser_id).values(revoked_at=sa.func.now())
    )
    return True


_NAMED = sa.select(
    _d,
    t.app_user.c.name.label("user_name"),
    # A connected app renews its token every quarter of an hour; presence says whether its person is on at all.
    (
        (_d.c.last_seen_at > sa.func.now() - sa.text("interval '16 minutes'"))
        & sa.exists().where(
            _p.c.account_id == _d.c.account_id,
            _p.c.user_id == _d.c.user_id,
            _p.c.channel == "desktop",
            _p.c.seen_at > sa.func.now() - sa.text("interval '45 seconds'"),
        )
    ).label("on_now"),
).join(t.app_user, (t.app_user.c.account_id == _d.c.account_id) & (t.app_user.c.id == _d.c.user_id))
_SIGNED_IN = _d.c.revoked_at.is_(None) & (_d.c.expires_at > sa.func.now())


async def device(tx: AsyncConnection, account_id: UUID, device_id: UUID) -> t.AnyRow | None:
    """One device, signed in or not, with whose it is."""
    statement = _NAMED.where(_d.c.account_id == account_id, _d.c.id == device_id)
    return (await tx.execute(statement)).one_or_none()


async def devices(tx: AsyncConnection, account_id: UUID, user_id: UUID, warned_since: datetime) -> list[t.AnyRow]:
    """This user's signed-in devices, and those shut out for misuse since then; the newest first."""
    warned = _d.c.revoked_why.in_(("reused", "code_reused")) & (_d.c.revoked_at > warned_since)
    statement = _NAMED.where(_d.c.account_id == account_id, _d.c.user_id == user_id, _SIGNED_IN | warned).order_by(
        _d.c.created_at.desc(), _d.c.id.desc()
    )
    return list((await tx.execute(statement)).all())


async def all_devices(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """The account's signed-in devices, the last seen first."""
    statement = _NAMED.where(_d.c.account_id == account_id, _SIGNED_IN).order_by(
        _d.c.last_seen_at.desc(), _d.c.id.desc()
    )
    return list((await tx.execute(statement)).all())
