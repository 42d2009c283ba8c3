"""One notice to one webhook: written in its format, signed, sent. The worker and the test button go the same way."""

import time
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from backend.contract.webhooks import WebhookFormat
from backend.db.tables import AnyRow
from backend.settings import Settings
from backend.webhooks.formats import body
from backend.webhooks.notice import Notice
from backend.webhooks.resolver import asking_for
from backend.webhooks.sender import Answer, Sender
from backend.webhooks.signing import derive_secret, fingerprint, signature

KEY_CHANGED: Final = "FLOWPILOT_SECRET_KEY has changed, and with it the secret: make the webhook anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where a webhook leads and what it needs to be signed."""

    id: UUID
    url: str
    format: WebhookFormat
    secret_salt: bytes
    secret_hash: bytes

    @classmethod
    def of(cls, row: AnyRow, webhook_id: UUID) -> Self:
        """From a row with the webhook's columns."""
        return cls(
            id=webhook_id,
            url=row.url,
            format=row.format,
            secret_salt=row.secret_salt,
            secret_hash=row.secret_hash,
        )


class Courier:
    """Sends notices under this installation's key and public address."""

    def __init__(self, sender: Sender, *, secret_key: str, public_url: str) -> None:
        self._sender = sender
        self._key = secret_key
        self._public_url = public_url.rstrip("/")

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """As the installation is set up."""
        sender = Sender(allow_private=settings.webhook_allow_private == "on")
        return cls(sender, secret_key=settings.secret_key, public_url=settings.public_url)

    async def check(self, url: str, account_id: UUID) -> None:
        """Raise TargetRefusedError for an address to which nothing would be sent now."""
        asking_for.set(account_id)
        await self._sender.check(url)

    async def send(self, receiver: Receiver, notice: Notice) -> Answer:
        """Send it; never raises for what the other side does."""
        asking_for.set(notice.account_id)
        secret = derive_secret(self._key, notice.account_id, receiver.id, receiver.secret_salt)
        if fingerprint(secret) != receiver.secret_hash:
            return Answer(None, KEY_CHANGED)
        content = body(receiver.format, notice, self._public_url + notice.page)
        now = int(time.time())
        headers = {
            "FlowPilot-Webhook-Id": str(notice.id),
            "FlowPilot-Timestamp": str(now),
            "FlowPilot-Signature": signature(secret, now, content),
        }
        return await self._sender.post(receiver.url, headers, content)
