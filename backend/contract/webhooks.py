"""Outgoing webhooks on the wire: what an administrator sets up, and the log of what was sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from backend.contract.people import Person

WebhookFormat = Literal["generic", "teams", "slack"]
WebhookEvent = Literal[
    "created", "assessed", "claimed", "released", "reassigned", "resolved", "withdrawn", "updated", "realerted"
]
WebhookDeliveryState = Literal["pending", "sending", "accepted", "failed", "cancelled"]

DEFAULT_EVENTS: Final[tuple[WebhookEvent, ...]] = (
    "created",
    "realerted",
    "claimed",
    "released",
    "withdrawn",
    "resolved",
)
FORMAT_LABEL: Final[dict[WebhookFormat, str]] = {"generic": "Webhook", "teams": "Teams", "slack": "Slack"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """Body of `POST /account/webhooks`. Name 1 to 80 characters; `events` left out means the usual six."""

    name: str
    url: str
    format: WebhookFormat = "generic"
    events: list[WebhookEvent] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPatch:
    """Body of `PATCH /account/webhooks/{id}`; what is left out stays. `active` true also ends a pause."""

    name: str | None = None
    url: str | None = None
    active: bool | None = None
    events: list[WebhookEvent] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook. `paused_reason` says why the server stopped sending; null when a person switched it off."""

    id: str
    name: str
    url: str
    format: WebhookFormat
    active: bool
    paused_reason: str | None
    events: list[WebhookEvent]
    created_by: Person
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedWebhook(Webhook):
    """Answer of `POST /account/webhooks`. `secret` signs the notices and is never shown again."""

    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookList:
    """Answer of `GET /account/webhooks`, by name. At most ten."""

    items: list[Webhook]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One notice. `id` is what the receiver sees in `FlowPilot-Webhook-Id`, the same for every try.

    `kind` is the event's, or `test`; `at` is when the event happened, `next_at` when the next try is due.
    """

    id: str
    handoff_id: str | None
    kind: str
    state: WebhookDeliveryState
    attempts: int
    status_code: int | None
    error: str | None
    at: datetime
    next_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliveryPage:
    """A page of a webhook's log, newest first."""

    items: list[WebhookDelivery]
    next_cursor: str | None
