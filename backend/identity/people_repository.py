"""SQL of people and invitations."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.sign_in_tables import second_factor, sign_in_step

_u, _i = t.app_user, t.invite
_PRESENT = sa.text("interval '45 seconds'")


async def people(
    tx: AsyncConnection, account_id: UUID, words: str | None, limit: int, skip: int = 0, only: UUID | None = None
) -> list[t.AnyRow]:
    """Everyone of the account with where they are now and when they were last seen; active ones first, by name.

    `only` asks for one person.
    """
    p, d, w, k = t.client_presence, t.device, t.web_session, t.access_token

    def newest(column: "sa.Column[datetime]", table: sa.Table) -> "sa.ScalarSelect[datetime]":
        return (
            sa.select(sa.func.max(column))
            .where(table.c.account_id == _u.c.account_id, table.c.user_id == _u.c.id)
            .scalar_subquery()
        )

    def present(channel: str) -> "sa.Exists":
        return sa.exists().where(
            p.c.account_id == _u.c.account_id,
            p.c.user_id == _u.c.id,
            p.c.channel == channel,
            p.c.seen_at > sa.func.now() - _PRESENT,
        )

    seen = sa.func.greatest(
        newest(p.c.seen_at, p), newest(d.c.last_seen_at, d), newest(w.c.created_at, w), newest(k.c.last_used_at, k)
    )
    statement = (
        sa.select(
            _u.c.id,
            _u.c.name,
            _u.c.email,
            _u.c.role,
            _u.c.active,
            _u.c.phone,
            _u.c.email_refused_at,
            _u.c.email_refusal,
            sa.exists()
            .where(
                second_factor.c.account_id == _u.c.account_id,
                second_factor.c.user_id == _u.c.id,
                second_factor.c.confirmed_at.is_not(None),
            )
            .label("second_factor"),
            present("desktop").label("on_desktop"),
            present("web").label("on_web"),
            seen.label("seen_at"),
        )
        .where(_u.c.account_id == account_id, _u.c.erased_at.is_(None))
        .order_by(_u.c.active.desc(), sa.func.lower(_u.c.name), _u.c.id)
        .limit(limit)
        .offset(skip)
    )
    if only is not None:
        statement = statement.where(_u.c.id == only)
    if words:
        sought = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.where((_u.c.name + " " + _u.c.email).ilike(sought))
    return list((await tx.execute(statement)).all())


async def count(tx: AsyncConnection, account_id: UUID) -> int:
    """Active people."""
    statement = sa.select(sa.func.count()).select_from(_u).where(_u.c.account_id == account_id, _u.c.active)
    return int((await tx.execute(statement)).scalar_one())


async def owners_numbers(tx: AsyncConnection, account_id: UUID) -> list[tuple[str, str]]:
    """(name, phone) of active owners with a number, by name."""
    statement = (
        sa.select(_u.c.name, _u.c.phone)
        .where(_u.c.account_id == account_id, _u.c.active, _u.c.role == "owner", _u.c.phone.is_not(None))
        .order_by(_u.c.name, _u.c.id)
    )
    return [(row.name, row.phone) for row in (await tx.execute(statement)).all()]


async def person(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> t.AnyRow | None:
    """One person, locked against other changes; a claim that refers to them is not kept waiting."""
    statement = (
        sa.select(_u.c.id, _u.c.name, _u.c.email, _u.c.role, _u.c.active, _u.c.phone)
        .where(_u.c.account_id == account_id, _u.c.id == user_id, _u.c.erased_at.is_(None))
        .with_for_update(key_share=True)
    )
    return (await tx.execute(statement)).one_or_none()


async def lock_leaders(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """The active administrators and owners, locked in one order: two removals at once are looked at one by one."""
    statement = (
        sa.select(_u.c.id, _u.c.role)
        .where(_u.c.account_id == account_id, _u.c.active, _u.c.role.in_(("admin", "owner")))
        .order_by(_u.c.id)
        .with_for_update(key_share=True)
    )
    return list((await tx.execute(statement)).all())


async def update_person(tx: AsyncConnection, account_id: UUID, user_id: UUID, **values: object) -> None:
    """Write columns of one person."""
    await tx.execute(sa.update(_u).where(_u.c.account_id == account_id, _u.c.id == user_id).values(**values))


async def end_sign_ins(
    tx: AsyncConnection,
    account_id: UUID,
    user_id: UUID,
    *,
    keep_devices: bool = False,
    keep_session: UUID | None = None,
) -> None:
    """Every way in that this person has: browsers, computers, tokens, trusted browsers.

    `keep_devices` leaves computers, their browsers' trust and tokens; `keep_session` the web session with this id.
    What is half made ends in any case: a right password that waits for its code, a computer's code that waits to be
    redeemed. Codes before computers: a redemption that is under way is waited for, and its computer is found. Computers
    before trusted browsers: so they are locked where one computer is signed out.
    """
    now = sa.func.now()
    c = t.oauth_code
    unused = (c.c.account_id == account_id, c.c.user_id == user_id, c.c.used_at.is_(None), c.c.expires_at > now)
    await tx.execute(sa.update(c).where(*unused).values(expires_at=now))
    s = sign_in_step
    await tx.execute(sa.delete(s).where(s.c.account_id == account_id, s.c.user_id == user_id))
    for table in (t.web_session,) if keep_devices else (t.web_session, t.access_token):
        statement = sa.update(table).where(
            table.c.account_id == account_id, table.c.user_id == user_id, table.c.revoked_at.is_(None)
        )
        if keep_session is not None and table is t.web_session:
            statement = statement.where(table.c.id != keep_session)
        await tx.execute(statement.values(revoked_at=now))
    if keep_devices:
        return
    d = t.device
    await tx.execute(
        sa.update(d)
        .where(d.c.account_id == account_id, d.c.user_id == user_id, d.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_why="revoked", next_hash=None)
    )
    b = t.trusted_browser
    trusted = (b.c.account_id == account_id, b.c.user_id == user_id, b.c.revoked_at.is_(None))
    await tx.execute(sa.update(b).where(*trusted).values(revoked_at=now))


async def email_taken(tx: AsyncConnection, account_id: UUID, email: str) -> bool:
    """Whether somebody of this account has the address."""
    statement = sa.select(_u.c.id).where(_u.c.account_id == account_id, sa.func.lower(_u.c.email) == email.lower())
    return (await tx.execute(statement)).first() is not None


async def insert_invite(tx: AsyncConnection, **values: object) -> bool:
    """False when an open invitation for the address is there."""
    statement = sa.text(
        "insert into invite (account_id, id, email, name, role, token_hash, user_id, invited_by, expires_at)"
        " values (:account_id, :id, :email, :name, :role, :token_hash, :user_id, :invited_by, :expires_at)"
        " on conflict do nothing"
    )
    return (await tx.execute(statement, values)).rowcount == 1


async def links_since(tx: AsyncConnection, account_id: UUID, *, invites_end: datetime, passwords_end: datetime) -> int:
    """Turns of all the links, whatever came of them, that end after these times: lives after the time that is meant."""
    recent = sa.or_(
        _i.c.user_id.is_(None) & (_i.c.expires_at > invites_end),
        _i.c.user_id.is_not(None) & (_i.c.expires_at > passwords_end),
    )
    statement = sa.select(sa.func.coalesce(sa.func.sum(_i.c.turn), 0)).where(_i.c.account_id == account_id, recent)
    return int((await tx.execute(statement)).scalar_one())


async def close_invites(tx: AsyncConnection, account_id: UUID, email: str) -> None:
    """Take back whatever is open for an address."""
    await tx.execute(
        sa.update(_i)
        .where(
            _i.c.account_id == account_id,
            sa.func.lower(_i.c.email) == email.lower(),
            _i.c.accepted_at.is_(None),
            _i.c.revoked_at.is_(None),
        )
        .values(revoked_at=sa.func.now())
    )


async def close_invites_by(tx: AsyncConnection, account_id: UUID, user_id: UUID, *, owners_only: bool) -> None:
    """Take back what a person has sent and nobody has accepted; with `owners_only` what makes or lets in owners."""
    statement = (
        sa.update(_i)
        .where(
            _i.c.account_id == account_id,
            _i.c.invited_by == user_id,
            _i.c.accepted_at.is_(None),
            _i.c.revoked_at.is_(None),
        )
        .values(revoked_at=sa.func.now())
    )
    await tx.execute(statement.where(_i.c.role == "owner") if owners_only else statement)


async def open_invites(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """Invitations that are neither accepted nor taken back, the newest first."""
    statement = (
        sa.select(_i, _u.c.name.label("inviter"), (_i.c.expires_at < sa.func.now()).label("expired"))
        .join(_u, (_u.c.account_id == _i.c.account_id) & (_u.c.id == _i.c.invited_by))
        .where(
            _i.c.account_id == account_id,
            _i.c.accepted_at.is_(None),
            _i.c.revoked_at.is_(None),
            # What a person asked for at the sign-in page and did not use is of no interest an hour later.
            (_i.c.user_id.is_distinct_from(_i.c.invited_by)) | (_i.c.expires_at > sa.func.now()),
        )
        .order_by(_i.c.created_at.desc(), _i.c.id.desc())
    )
    return list((await tx.execute(statement)).all())


async def lock_invited(tx: AsyncConnection, account_id: UUID, token_hash: bytes) -> None:
    """Lock whose password the link sets, where it sets one: people before their links, as where people are changed."""
    whose = sa.select(_i.c.user_id).where(_i.c.account_id == account_id, _i.c.token_hash == token_hash)
    user_id: UUID | None = (await tx.execute(whose)).scalar_one_or_none()
    if user_id is not None:
        await person(tx, account_id, user_id)


async def lock_invite(
    tx: AsyncConnection, account_id: UUID, *, invite_id: UUID | None = None, token_hash: bytes | None = None
) -> t.AnyRow | None:
    """One open invitation by its id or its link, with `expired`; locked: of many acceptances one comes first.

    `stands`: a link for a new password is for an active person who still has the role that it was made for, and the
    address that it was sent to.
    `role_now` is that person's role, or that of the invitation.
    """
    a = t.account
    same_address = sa.func.lower(_u.c.email) == sa.func.lower(_i.c.email)
    statement = (
        sa.select(
            _i,
            a.c.name.label("account_name"),
            (_i.c.expires_at < sa.func.now()).label("expired"),
            sa.func.coalesce(_u.c.role, _i.c.role).label("role_now"),
            (_i.c.user_id.is_(None) | (_u.c.active & (_u.c.role == _i.c.role) & same_address)).label("stands"),
        )
        .join(a, a.c.id == _i.c.account_id)
        .outerjoin(_u, (_u.c.account_id == _i.c.account_id) & (_u.c.id == _i.c.user_id))
        .where(_i.c.account_id == account_id, _i.c.accepted_at.is_(None), _i.c.revoked_at.is_(None))
        .with_for_update(of=_i)
    )
    if invite_id is not None:
        statement = statement.where(_i.c.id == invite_id)
    if token_hash is not None:
        statement = statement.where(_i.c.token_hash == token_hash)
    return (await tx.execute(statement)).one_or_none()


async def open_invite_for(tx: AsyncConnection, account_id: UUID, email: str) -> t.AnyRow | None:
    """The open link to an address with whether it has run out and `stands` (see `lock_invite`); locked."""
    statement = sa.select(_i.c.id).where(
        _i.c.account_id == account_id,
        sa.func.lower(_i.c.email) == email.lower(),
        _i.c.accepted_at.is_(None),
        _i.c.revoked_at.is_(None),
    )
    found: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return await lock_invite(tx, account_id, invite_id=found) if found is not None else None


async def update_invite(tx: AsyncConnection, account_id: UUID, invite_id: UUID, **values: object) -> None:
    """Write columns of one invitation."""
    await tx.execute(sa.update(_i).where(_i.c.account_id == account_id, _i.c.id == invite_id).values(**values))
