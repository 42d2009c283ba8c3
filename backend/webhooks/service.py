"""Setting up webhooks, trying them, reading their log. For administrators and owners."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.webhooks import (
    DEFAULT_EVENTS,
    CreatedWebhook,
    NewWebhook,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookList,
    WebhookPatch,
)
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import clean
from backend.http.cursor import decode_cursor, encode_cursor
from backend.identity.caller import Caller
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC
from backend.webhooks import mapping, repository
from backend.webhooks.courier import Courier, Receiver
from backend.webhooks.notice import Notice
from backend.webhooks.signing import derive_secret, fingerprint
from backend.webhooks.target import TargetRefusedError

MOST: Final = 10
_LONGEST_NAME: Final = 80
_TESTS_A_MINUTE: Final = 10
_SALT_BYTES: Final = 16


def _not_found() -> Refusal:
    return Refusal("not_found", "There is no such webhook, or you may not see it.")


def _name(text: str) -> str:
    return " ".join(clean("name", text, longest=_LONGEST_NAME).split())


def _events(given: list[Any] | None) -> list[str]:
    if given is None:
        return list(DEFAULT_EVENTS)
    if not given:
        raise Refusal(
            "invalid_body", "`events` must name at least one; switch the webhook off instead.", field="events"
        )
    return sorted(set(given))


class WebhookService:
    """Webhooks of the caller's account."""

    def __init__(self, database: Database, courier: Courier, *, secret_key: str) -> None:
        self._db = database
        self._courier = courier
        self._key = secret_key

    async def all(self, caller: Caller) -> WebhookList:
        """By name."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.webhooks(tx, caller.account_id)
        return WebhookList(items=[mapping.webhook(row) for row in rows])

    async def get(self, caller: Caller, webhook_id: str) -> Webhook:
        """One of them."""
        async with self._db.tenant(caller.account_id) as tx:
            return mapping.webhook(await self._mine(tx, caller, webhook_id))

    async def create(self, caller: Caller, new: NewWebhook) -> CreatedWebhook:
        """Make one; its secret is in this answer and never again. Refuses `limit_reached` above ten."""
        caller.require("admin")
        name, events, url = _name(new.name), _events(new.events), new.url.strip()
        await self._check(caller, url)
        webhook_id, salt = new_id(), secrets.token_bytes(_SALT_BYTES)
        secret = derive_secret(self._key, caller.account_id, webhook_id, salt)
        async with self._db.tenant(caller.account_id) as tx:
            if await repository.count_alone(tx, caller.account_id) >= MOST:
                raise Refusal("limit_reached", f"An account has {MOST} webhooks at most. Delete one first.", limit=MOST)
            await repository.insert(
                tx,
                account_id=caller.account_id,
                webhook_id=webhook_id,
                name=name,
                url=url,
                kind=new.format,
                salt=salt,
                secret_hash=fingerprint(secret),
                events=events,
                by=caller.user_id,
            )
            await record(tx, caller, "webhook.created", name, {"kind": new.format, "events": events})
            return mapping.created(await self._mine(tx, caller, str(webhook_id)), secret)

    async def change(self, caller: Caller, webhook_id: str, patch: WebhookPatch) -> Webhook:
        """Write what is given. Switching it off ends what still waits to be sent."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, webhook_id)
        changes: dict[str, Any] = {}
        if patch.name is not None:
            changes["name"] = _name(patch.name)
        if patch.url is not None:
            changes["url"] = patch.url.strip()
            await self._check(caller, changes["url"])
        if patch.events is not None:
            changes["events"] = _events(patch.events)
        if patch.active is not None:
            changes["active"] = patch.active
        async with self._db.tenant(caller.account_id) as tx:
            await repository.update(tx, caller.account_id, row.id, changes)
            await record(tx, caller, "webhook.changed", row.name, {"changed": sorted(changes), "active": patch.active})
            if patch.active is False:
                await repository.call_off(tx, caller.account_id, row.id, "The webhook was switched off")
            return mapping.webhook(await self._mine(tx, caller, webhook_id))

    async def delete(self, caller: Caller, webhook_id: str) -> None:
        """Remove it with its address and secret; nothing more is sent."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, webhook_id)
            await repository.delete(tx, caller.account_id, row.id)
            await record(tx, caller, "webhook.removed", row.name)
            await repository.call_off(tx, caller.account_id, row.id, "The webhook was deleted")

    async def test(self, caller: Caller, webhook_id: str) -> WebhookDelivery:
        """Send a test notice now, paused or not, and answer what came back. It is not tried again."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, webhook_id)
            if await repository.recent_tests(tx, caller.account_id, row.id) >= _TESTS_A_MINUTE:
                raise Refusal("too_many_requests", "There were ten tests in the last minute. Wait a moment.")
        test = Notice(
            id=new_id(),
            kind="test",
            at=datetime.now(UTC),
            account_id=caller.account_id,
            account_name=caller.account_name,
            data={},
            title_only=False,
        )
        answer = await self._courier.send(Receiver.of(row, row.id), test)
        async with self._db.tenant(caller.account_id) as tx:
            await repository.keep_test(
                tx,
                account_id=caller.account_id,
                webhook_id=row.id,
                delivery_id=test.id,
                at=test.at,
                status=answer.status,
                error=answer.error,
            )
            await record(tx, caller, "webhook.tested", row.name, {"outcome": answer.error or "taken"})
            return mapping.delivery(await self._entry(tx, caller, row.id, str(test.id)))

    async def deliveries(self, caller: Caller, webhook_id: str, cursor: str | None, limit: int) -> WebhookDeliveryPage:
        """The log, newest first."""
        before = decode_cursor(cursor)[1:] if cursor else None
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, webhook_id)
            rows = await repository.entries(tx, caller.account_id, row.id, before, limit + 1)
        more = encode_cursor(0, rows[limit - 1].at, rows[limit - 1].id) if len(rows) > limit else None
        return WebhookDeliveryPage(items=[mapping.delivery(entry) for entry in rows[:limit]], next_cursor=more)

    async def retry(self, caller: Caller, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """Send a failed or cancelled notice again, under the same id, with all its tries. Else `not_retryable`."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, webhook_id)
            entry = await self._entry(tx, caller, row.id, delivery_id)
            if not row.active:
                raise Refusal("not_retryable", "The webhook is not active. Switch it on first.")
            if entry.kind == "test":
                raise Refusal("not_retryable", "A test is not repeated. Send a new one.")
            if entry.state not in {"failed", "cancelled"}:
                raise Refusal("not_retryable", f"This notice is {entry.state}.", state=entry.state)
            await repository.retry(tx, caller.account_id, entry.id)
            await jobs.enqueue(
                tx,
                account_id=caller.account_id,
                kind="webhook",
                key=f"webhook:{entry.id}",
                handoff_id=entry.handoff_id,
                ref=entry.id,
            )
            answer = mapping.delivery(await self._entry(tx, caller, row.id, delivery_id))
        self._db.wakeup.touch(TOPIC)
        return answer

    async def _check(self, caller: Caller, url: str) -> None:
        try:
            await self._courier.check(url, caller.account_id)
        except TargetRefusedError as refused:
            raise Refusal("invalid_body", f"`url`: {refused}", field="url") from refused

    async def _mine(self, tx: AsyncConnection, caller: Caller, webhook_id: str) -> AnyRow:
        """The webhook, for an administrator; what is not there is not found, whoever asks."""
        parsed = parse_id(webhook_id)
        row = await repository.webhook(tx, caller.account_id, parsed) if parsed else None
        if row is None:
            raise _not_found()
        caller.require("admin")
        return row

    async def _entry(self, tx: AsyncConnection, caller: Caller, webhook_id: UUID, delivery_id: str) -> AnyRow:
        parsed = parse_id(delivery_id)
        row = await repository.lock_entry(tx, caller.account_id, webhook_id, parsed) if parsed else None
        if row is None:
            raise Refusal("not_found", "There is no such notice, or you may not see it.")
        return row
