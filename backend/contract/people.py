"""Who is who: references to people, the signed-in caller, the account and its settings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.contract.policy import EscalationPolicy
from backend.contract.vocabulary import Role

EmailContent = Literal["full", "title_only"]


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
class ThisDevice:
    """The connected computer that is asking. `connected_at` is when its person said yes to it."""

    id: str
    name: str
    connected_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Answer of `GET /me`. `permissions` holds verbs such as `handoff.claim`.

    `device` is null for whoever is no connected computer: a web page, a personal access token. `server_version` is null
    where the server runs without being installed.
    """

    user: UserView
    role: Role
    account: AccountView
    permissions: list[str]
    device: ThisDevice | None = None
    server_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Answer of `GET /account/settings`. `manual_baseline_minutes` is 0.5 to 480, or null when it was removed.

    It is the version in force now (`GET /analytics/baselines` has all); `manual_baseline_is_estimate` says that it is
    the product's own estimate, which nobody in the account has set. `escalation_policy` is what counts, with defaults.
    `email_content` `title_only` keeps customer, need and AI assessment out of mails. `email_offline_delay_s` (0 to 300)
    waits before mailing a person who is on no client. With `ai_enabled` false nothing of this account is sent to a
    model. `analytics_names_for_seniors` lets senior engineers see everybody's name in analytics, not their own alone;
    `analytics_small_groups` shows people with one or two escalations by themselves.
    """

    manual_baseline_minutes: float | None
    manual_baseline_is_estimate: bool
    timezone: str
    escalation_policy: EscalationPolicy
    retention_days: int
    log_retention_days: int = 90
    email_content: EmailContent
    email_offline_delay_s: int
    ai_enabled: bool = True
    analytics_names_for_seniors: bool
    analytics_small_groups: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettingsPatch:
    """Body of `PATCH /account/settings`; what is left out stays as it is.

    `manual_baseline_minutes` adds an estimated version of the baseline that counts from now on; the first that anybody
    in the account sets also counts for what went before.

    `escalation_policy` is the whole document as `AccountSettings` shows it; what is left out of it is the default.
    """

    manual_baseline_minutes: float | None = None
    timezone: str | None = None
    escalation_policy: dict[str, object] | None = None
    retention_days: int | None = None
    log_retention_days: int | None = None
    email_content: EmailContent | None = None
    email_offline_delay_s: int | None = None
    ai_enabled: bool | None = None
    analytics_names_for_seniors: bool | None = None
    analytics_small_groups: bool | None = None
