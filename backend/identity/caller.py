"""The signed-in caller, as every service sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from backend.contract.people import AccountView, Me, ThisDevice, UserView
from backend.contract.vocabulary import Role
from backend.domain.roles import permissions, require
from backend.version import own_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling, read from the database with the request's own credential; never from the URL."""

    account_id: UUID
    user_id: UUID
    name: str
    email: str
    role: Role
    account_name: str
    timezone: str
    credential_id: UUID
    kind: Literal["token", "web"]
    expires_at: datetime | None = None
    scopes: Sequence[str] | None = None
    """Of a personal access token; None where nothing bounds the credential but its person's role."""

    def require(self, needed: Role) -> None:
        """Refuse with `role_required` below `needed`."""
        require(self.role, needed)

    def over(self, now: datetime) -> bool:
        """Whether the credential at hand has run out; a device's next one is another."""
        return self.expires_at is not None and self.expires_at <= now

    def view(self) -> UserView:
        """The caller as a contract user."""
        return UserView(id=str(self.user_id), name=self.name, email=self.email, role=self.role)

    def me(self, device: ThisDevice | None) -> Me:
        """The answer of `GET /me`."""
        return Me(
            user=self.view(),
            role=self.role,
            account=AccountView(id=str(self.account_id), name=self.account_name, timezone=self.timezone),
            permissions=permissions(self.role),
            device=device,
            server_version=own_version(),
        )
