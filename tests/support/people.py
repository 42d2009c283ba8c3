"""An MSP's crew in the database: one person of each role, each with a token and a password."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg
from pwdlib.hashers.argon2 import Argon2Hasher

from backend.contract.vocabulary import Role
from backend.db.engine import Database
from backend.identity.service import create_account, create_token, create_user

PASSWORD = "correct horse battery staple"
# A hash says what it cost to make, and asking a password of it costs the same. The product's own cost, forty
# milliseconds of processor time, is for the tests that set a password; hundreds of sign-ins need not pay it.
_HASH = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One user; `token` is a personal access token, `password` signs in on the web."""

    id: str
    name: str
    email: str
    role: Role
    token: str
    password: str = PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """One account. `engineer` and `second_engineer` are the seniors, `technician` is the junior."""

    account_id: str
    owner: Member
    admin: Member
    engineer: Member
    second_engineer: Member
    technician: Member
    viewer: Member

    @property
    def everyone(self) -> tuple[Member, ...]:
        """All six, highest role first."""
        return (self.owner, self.admin, self.engineer, self.second_engineer, self.technician, self.viewer)


_PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("owner", "Olga Owner", "owner"),
    ("admin", "Adam Admin", "admin"),
    ("engineer", "Erin Engineer", "engineer"),
    ("second_engineer", "Sam Senior", "engineer"),
    ("technician", "Tess Technician", "technician"),
    ("viewer", "Vic Viewer", "viewer"),
)


async def make_crew(database: Database, owner_url: str, name: str = "Northwind MSP") -> Crew:
    """Make an account and its people through the identity service; `name` also makes the addresses unique."""
    domain = "".join(character for character in name.lower() if character.isalnum()) + ".example"
    members: dict[str, Member] = {}
    account_id: UUID | None = None
    for key, full_name, role in _PEOPLE:
        email = f"{key}@{domain}"
        if account_id is None:
            account_id, user_id = await create_account(
                database, name=name, owner_email=email, owner_name=full_name, password=None
            )
        else:
            user_id = await create_user(
                database, account_id=account_id, email=email, name=full_name, role=role, password=None
            )
        members[key] = await _member(database, user_id, full_name, email, role)
    await _give_passwords(owner_url, str(account_id))
    return Crew(account_id=str(account_id), **members)


async def add_member(database: Database, crew: Crew, *, name: str, role: Role) -> Member:
    """Add one more person to the crew; signs in by token only."""
    domain = crew.owner.email.partition("@")[2]
    email = f"{name.lower().replace(' ', '.')}@{domain}"
    user_id = await create_user(
        database, account_id=UUID(crew.account_id), email=email, name=name, role=role, password=None
    )
    return await _member(database, user_id, name, email, role)


async def _member(database: Database, user_id: UUID, name: str, email: str, role: Role) -> Member:
    token = await create_token(database, email=email, label="tests", expires_days=None)
    return Member(id=str(user_id), name=name, email=email, role=role, token=token)


async def _give_passwords(owner_url: str, account_id: str) -> None:
    """Set one and the same hash for all."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("UPDATE app_user SET password_hash = $1 WHERE account_id = $2", _HASH, UUID(account_id))
    finally:
        await owner.close()
