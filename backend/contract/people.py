"""Who is who: references to people, the signed-in caller, the account and its settings."""

from dataclasses import dataclass

from backend.contract.vocabulary import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A reference to a user of the same account. `id` is a UUIDv7 as a string."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A user as others in the account see them."""

    id: str
    name: str
    email: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """One MSP: the tenant. `timezone` is an IANA name."""

    id: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Answer of `GET /me`. `permissions` holds verbs such as `handoff.claim`."""

    user: UserView
    role: Role
    account: AccountView
    permissions: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Answer of `GET /account/settings`. `manual_baseline_minutes` is 0.5 to 480, or null when it was removed.

    `manual_baseline_is_estimate` says that it is the product's own estimate, which nobody in the account has set.
    """

    manual_baseline_minutes: float | None
    manual_baseline_is_estimate: bool
    timezone: str
    escalation_policy: dict[str, object]
    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettingsPatch:
    """Body of `PATCH /account/settings`; what is left out stays as it is."""

    manual_baseline_minutes: float | None = None
    timezone: str | None = None
    escalation_policy: dict[str, object] | None = None
    retention_days: int | None = None
