"""What PSAs tell us: the signature of each by its vendor's scheme, then the ticket is looked at by the worker.

A hook is a hint and changes nothing by itself: even one that somebody had forged would only make us look at a ticket.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from operator import attrgetter
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.psa import PsaSystem
from backend.db.engine import Database
from backend.db.ids import parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC
from backend.psa import repository
from backend.psa.connections import Connections
from backend.psa.port import PsaError
from backend.psa.values import record, same_house, words

_KEY_KEPT_S: Final = 3_600.0
_KEY_PAUSE_S: Final = 10.0
_MOST_LOOKS: Final = 20
_WAITING = sa.text(
    "select h.id from handoff h join ai_session s on s.account_id = h.account_id and s.id = h.session_id"
    " where h.account_id = :account and h.status = 'claimed' and h.first_action_at is null"
    "  and psa_system(s.ticket_system) = :system and (:ticket is null or ltrim(s.ticket_id, '# ') = :ticket)"
    f" order by h.claimed_at desc limit {_MOST_LOOKS}"
).bindparams(sa.bindparam("ticket", type_=sa.Text))


class HookService:
    """Listens to PSAs."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._db = database
        self._connections = connections
        self._keys: dict[UUID, tuple[str, str, float]] = {}

    async def hear(self, account_id: str, connector_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """Refuses `unauthenticated`, the same for a wrong signature and a connector that is not there."""
        account, wanted = parse_id(account_id), parse_id(connector_id)
        if account is None or wanted is None:
            raise _unsigned()
        async with self._db.tenant(account) as tx:
            row = await repository.connector(tx, account, wanted)
        document = _parsed(body)
        if row is None or not row.active or not await self._signed(row, headers, body, document):
            raise _unsigned()
        async with self._db.tenant(account) as tx:
            if await repository.hear(tx, account, wanted, hashlib.sha256(body).digest()):
                await self._plan(tx, row, ticket_of(row.system, document))
        self._db.wakeup.touch(TOPIC)

    async def _plan(self, tx: AsyncConnection, row: AnyRow, ticket: str | None) -> None:
        values = {"account": row.account_id, "system": row.system, "ticket": ticket}
        waiting = (await tx.execute(_WAITING, values)).all()
        for handoff in sorted(waiting, key=attrgetter("id")):  # two hooks at once plan the same work in one order
            await jobs.enqueue(
                tx,
                account_id=row.account_id,
                kind="psa_seen",
                key=f"psa_seen:{handoff.id}",
                handoff_id=handoff.id,
                ref=row.id,
            )

    async def _signed(self, row: AnyRow, headers: Mapping[str, str], body: bytes, document: dict[str, Any]) -> bool:
        try:
            if row.system == "connectwise":
                key = await self._connectwise_key(row, document)
                return key is not None and connectwise_signed(headers, body, key)
            secret = self._connections.unseal(row.account_id, row.id, "hook", row.hook_secret).decode()
        except PsaError:
            return False
        return halo_signed(headers, secret) if row.system == "halo" else autotask_signed(headers, body, secret)

    async def _connectwise_key(self, row: AnyRow, document: dict[str, Any]) -> str | None:
        """ConnectWise signs with a key of its own that it names; only the tenant's own site is believed and asked."""
        url = words(record(document.get("metadata") or document.get("Metadata")).get("key_url"))
        site = row.fields.get("url", "")
        if url is None or not same_house(site, url) or urlsplit(url).scheme != urlsplit(site).scheme:
            return None
        kept = self._keys.get(row.id)
        now = monotonic()
        if kept and kept[0] == url and kept[1] and now - kept[2] < _KEY_KEPT_S:
            return kept[1]
        if kept and now - kept[2] < _KEY_PAUSE_S:
            return None  # whoever knocks with made-up addresses makes us ask once in a while
        self._keys[row.id] = (url, "", now)
        _, calls = self._connections.fresh(row.system, {**row.fields, **self._connections.secrets(row)})
        key = words(record((await calls("GET", url, headers={})).json).get("signing_key"))
        self._keys[row.id] = (url, key or "", now)
        return key


def connectwise_signed(headers: Mapping[str, str], body: bytes, key: str) -> bool:
    """`x-content-signature` = base64(HMAC-SHA256(SHA256(key), body))."""
    digest = hmac.digest(hashlib.sha256(key.encode()).digest(), body, hashlib.sha256)
    return _same(base64.b64encode(digest).decode(), headers.get("x-content-signature", ""))


def halo_signed(headers: Mapping[str, str], secret: str) -> bool:
    """HaloPSA signs nothing: it sends what its webhook was given, as a bearer token or as a password."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    return scheme.lower() in {"basic", "bearer"} and _same(secret, given)


def autotask_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """`x-hook-signature` = sha1=base64(HMAC-SHA1(secret, body))."""
    digest = hmac.digest(secret.encode(), body, hashlib.sha1)
    return _same("sha1=" + base64.b64encode(digest).decode(), headers.get("x-hook-signature", ""))


def ticket_of(system: PsaSystem, document: dict[str, Any]) -> str | None:
    """The ticket that it is about; None where the PSA does not say, and all waiting ones are looked at."""
    if system == "connectwise":
        return words(document.get("ID"))
    if system == "autotask":
        fields = record(document.get("Fields"))
        named = words(fields.get("TicketID")) or words(fields.get("ticketID"))
        return named or (words(document.get("Id")) if document.get("EntityType") == "Ticket" else None)
    ticket = words(record(document.get("ticket")).get("id"))
    return ticket or words(record(document.get("action")).get("ticket_id")) or words(document.get("ticket_id"))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return record(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise Refusal("bad_request", "The body is not valid JSON.") from error


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "replace"))


def _unsigned() -> Refusal:
    return Refusal("unauthenticated", "The signature is missing or wrong.")
