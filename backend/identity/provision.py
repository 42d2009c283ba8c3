"""What an operator does at the command line: accounts, users, personal access tokens."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from backend.audit.record import record_of
from backend.contract.vocabulary import Role
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.domain.baseline import BEGINNING, PRODUCTS_OWN
from backend.domain.refusal import Refusal
from backend.domain.roles import RANK
from backend.domain.scopes import Scope, up_to
from backend.domain.text import clean
from backend.identity import baseline_repository, repository
from backend.identity.credentials import TOKEN_PREFIX, digest, new_secret
from backend.identity.passwords import operators_and_hashed

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")


def checked_address(email: str) -> str:
    """One mail address, or a refusal."""
    address = clean("email", email, longest=254)
    if not _ADDRESS.fullmatch(address):
        raise Refusal("invalid_body", f"`{address}` is not an e-mail address.", field="email")
    return address


async def create_account(
    database: Database, *, name: str, owner_email: str, owner_name: str, password: str | None
) -> tuple[UUID, UUID]:
    """A new account with its owner; answers (account id, user id). Refuses a taken address."""
    account_id, hashed = new_id(), await operators_and_hashed(password) if password is not None else None
    name, email = clean("name", name, longest=120), checked_address(owner_email)
    owner = clean("owner_name", owner_name, longest=120)
    async with database.tenant(account_id) as tx:
        await repository.insert_account(tx, account_id=account_id, name=name)
        await baseline_repository.insert(
            tx,
            account_id,
            minutes=PRODUCTS_OWN,
            basis="estimated",
            origin="product",
            note="Two calls of five minutes",
            effective_from=BEGINNING,
            set_by=None,
        )
        user_id = new_id()
        if not await repository.insert_user(
            tx, account_id=account_id, user_id=user_id, email=email, name=owner, role="owner", password_hash=hashed
        ):
            raise Refusal("invalid_body", f"There is already a user with the address {email}.", field="email")
    return account_id, user_id


async def create_user(
    database: Database, *, account_id: UUID, email: str, name: str, role: Role, password: str | None
) -> UUID:
    """A new user of an account; answers the user's id. Refuses an unknown account, role or a taken address."""
    if role not in RANK:
        raise Refusal("invalid_body", f"`{role}` is no role; there are {', '.join(RANK)}.", field="role")
    hashed, address, full_name = (
        await operators_and_hashed(password) if password is not None else None,
        checked_address(email),
        clean("name", name, longest=120),
    )
    user_id = new_id()
    async with database.tenant(account_id) as tx:
        if not await repository.account_exists(tx, account_id):
            raise Refusal("not_found", f"There is no account {account_id}.")
        if not await repository.insert_user(
            tx, account_id=account_id, user_id=user_id, email=address, name=full_name, role=role, password_hash=hashed
        ):
            raise Refusal("invalid_body", f"There is already a user with the address {address}.", field="email")
        await record_of(tx, account_id, "people.created", full_name, {"role": role}, actor="Command line")
    return user_id


async def create_token(
    database: Database,
    *,
    email: str,
    label: str = "",
    expires_days: int | None = None,
    scope: Scope | None = None,
) -> str:
    """A personal access token of the user with this address; it is shown once and kept as a hash.

    Without `expires_days` it does not end, without `scope` it may do all that its person may.
    """
    if expires_days is not None and not 1 <= expires_days <= 3_650:
        raise Refusal("invalid_body", "`expires_days` must be 1 to 3650.", field="expires_days")
    async with database.before_account() as tx:
        user = await repository.user_by_email(tx, email.strip())
    if user is None:
        raise Refusal("not_found", f"There is no active user with the address {email}.")
    token = new_secret(TOKEN_PREFIX)
    expires_at = datetime.now(UTC) + timedelta(days=expires_days) if expires_days is not None else None
    async with database.tenant(user.account_id) as tx:
        await repository.insert_token(
            tx,
            account_id=user.account_id,
            token_id=new_id(),
            user_id=user.user_id,
            token_hash=digest(token),
            label=label.strip()[:120],
            expires_at=expires_at,
            scopes=list(up_to(scope)) if scope is not None else None,
        )
        detail = {"label": label.strip()[:120]} if label.strip() else None
        await record_of(tx, user.account_id, "people.token_created", user.name, detail, actor="Command line")
    return token
