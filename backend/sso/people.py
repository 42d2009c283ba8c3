"""Who somebody from a provider is here, and which role they have. Why: docs/adr/0013.

The key is issuer and subject, never the address. An address is looked at once, when a person comes for the first time,
and only where the provider says that it has verified it and its domain is the account's by the operator's word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record_of
from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.roles import RANK, at_least
from backend.domain.text import storable
from backend.identity import people_repository
from backend.identity import repository as accounts
from backend.sso import repository
from backend.sso.port import Claims, SsoError

GOOGLE: Final = "accounts.google.com"
_NOT_HERE: Final = "You are not in this account yet. Ask your administrator for an invitation."
_ENDED: Final = "Your sign-in has been deactivated. Ask your administrator."


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to sign in."""

    user_id: UUID
    role: Role


def verified_address(claims: Claims, issuer: str, domains: list[str]) -> str | None:
    """The address that the provider has verified, where its domain is the account's; None otherwise."""
    email = claims.get("email")
    # Entra has no `email_verified`: `xms_edov` says that the directory owns the address's domain.
    sure = claims.get("email_verified") in {True, "true"} or claims.get("xms_edov") in {True, "1", "true"}
    if not isinstance(email, str) or not sure or not storable(email) or len(email) > 254 or email.count("@") != 1:
        return None
    domain = email.rpartition("@")[2].lower()
    if urlsplit(issuer).hostname == GOOGLE and claims.get("hd") != domain:
        return None  # a consumer's Google account may carry any company's address
    return email if domain in domains else None


def mapped_role(claims: Claims, claim: str, mapping: Mapping[str, str]) -> Role | None:
    """The highest role that the claim's values give; None without one."""
    held = claims.get(claim) if claim else None
    values = held if isinstance(held, list) else [held]
    roles = {mapping[one] for one in values if isinstance(one, str) and one in mapping}
    return next((role for role in reversed(RANK) if role in roles), None)


async def found(tx: AsyncConnection, row: AnyRow, issuer: str, claims: Claims) -> Person:
    """The person of the claims; made known or made at all where the account lets. Raises SsoError."""
    account_id, subject = row.account_id, str(claims["sub"])
    role = mapped_role(claims, row.role_claim, row.role_map)
    known = await repository.identity(tx, account_id, issuer, subject)
    if known is None:
        known = await _first_time(tx, row, issuer, claims, role)
    if not known.active:
        raise SsoError(f"{known.name} has been deactivated.", _ENDED)
    if role is not None and role != known.role:
        role = await _take_role(tx, account_id, known, role)
    return Person(known.id, role or known.role)


async def _first_time(tx: AsyncConnection, row: AnyRow, issuer: str, claims: Claims, role: Role | None) -> AnyRow:
    account_id = row.account_id
    address = verified_address(claims, issuer, await repository.domains(tx, account_id))
    if address is None:
        raise SsoError(
            "Somebody came for the first time whose address the provider has not verified, or of a foreign domain.",
            _NOT_HERE,
        )
    user = await repository.user_by_email(tx, account_id, address)
    made = user is None
    if user is None:
        wanted = role or row.default_role
        if wanted is None:
            raise SsoError(f"{address} is not in this account, and strangers are not let in.", _NOT_HERE)
        name = claims.get("name")
        full_name = name.strip()[:120] if isinstance(name, str) and storable(name) and name.strip() else address
        # Before the person is made, as where an invitation is accepted.
        await people_repository.close_invites(tx, account_id, address)
        if not await accounts.insert_user(
            tx,
            account_id=account_id,
            user_id=new_id(),
            email=address,
            name=full_name,
            role=wanted,
            password_hash=None,
        ):
            raise SsoError(f"{address} cannot be used in this account.", _NOT_HERE)
        user = await repository.user_by_email(tx, account_id, address)
    if user is None or not user.active:
        raise SsoError(f"{address} has been deactivated.", _ENDED)
    await repository.insert_identity(
        tx, account_id=account_id, id=new_id(), user_id=user.id, issuer=issuer, subject=str(claims["sub"])
    )
    detail = {"e-mail": address, "role": ROLE_LABEL[user.role]}
    action = "people.sso_joined" if made else "people.sso_linked"
    await record_of(tx, account_id, action, user.name, detail, actor_id=user.id, actor=user.name)
    return user


async def _take_role(tx: AsyncConnection, account_id: UUID, known: AnyRow, role: Role) -> Role:
    """The role that the provider says. Owners stay owners, and the last administrator one."""
    if known.role == "owner":
        return "owner"
    if at_least(known.role, "admin") and not at_least(role, "admin"):
        others = [one for one in await people_repository.lock_leaders(tx, account_id) if one.id != known.id]
        if not others:
            return cast("Role", known.role)
    await people_repository.update_person(tx, account_id, known.id, role=role)
    await people_repository.close_invites(tx, account_id, known.email)
    if not at_least(role, known.role):
        owners_only = at_least(role, "admin")
        await people_repository.close_invites_by(tx, account_id, known.id, owners_only=owners_only)
    detail = {"from": ROLE_LABEL[known.role], "to": ROLE_LABEL[role], "by": "single sign-on"}
    await record_of(tx, account_id, "people.role_changed", known.name, detail, actor="Single sign-on")
    await accounts.replan(tx, account_id)
    return role
