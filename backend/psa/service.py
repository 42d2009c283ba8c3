"""Connectors of an account, for its administrators."""

import asyncio
import secrets
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.psa import (
    Connector,
    ConnectorCheck,
    ConnectorList,
    ConnectorPatch,
    CreatedConnector,
    NewConnector,
    PsaNotePage,
    PsaSystem,
    Replayed,
)
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import clean, clean_optional
from backend.http.cursor import decode_cursor, encode_cursor
from backend.identity.caller import Caller
from backend.jobs.job import TOPIC
from backend.psa import mapping, progress, repository
from backend.psa.asking import asked
from backend.psa.connections import Connections
from backend.psa.port import Psa, RefusedError
from backend.psa.systems import SYSTEMS
from backend.webhooks.sender import Sender
from backend.webhooks.target import TargetRefusedError

_LONGEST_FIELD: Final = 500
_LONGEST_LABEL: Final = 80
_CHECK_S: Final = 25.0
_PATIENCE_S: Final = 8.0
_SECRET_BYTES: Final = 32
STATES: Final = ("pending", "sending", "written", "leaked", "failed", "cancelled")


class ConnectorService:
    """Connectors of the caller's account."""

    def __init__(self, database: Database, connections: Connections, sender: Sender, *, public_url: str) -> None:
        self._db = database
        self._connections = connections
        self._sender = sender
        self._public_url = public_url

    async def all(self, caller: Caller) -> ConnectorList:
        """One per system at most."""
        caller.require("admin")
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.connectors(tx, caller.account_id)
        return ConnectorList(items=[self._shown(row) for row in rows])

    async def systems(self, caller: Caller) -> list[str]:
        """Names of the PSAs that are connected and on, as a ticket's `system` names them. For everybody."""
        async with self._db.tenant(caller.account_id) as tx:
            found = await repository.systems(tx, caller.account_id)
        return [SYSTEMS[system].name for system in found]

    async def get(self, caller: Caller, connector_id: str) -> Connector:
        """One of them."""
        async with self._db.tenant(caller.account_id) as tx:
            return self._shown(await self._mine(tx, caller, connector_id))

    async def create(self, caller: Caller, new: NewConnector) -> CreatedConnector:
        """Make one; the secret for the PSA's webhooks is in this answer and never again."""
        caller.require("admin")
        plain, hidden = await self._fields(new.system, new.fields, {}, {})
        connector_id, hook_secret = new_id(), _hook_secret()
        async with self._db.tenant(caller.account_id) as tx:
            made = await repository.insert(
                tx,
                account=caller.account_id,
                id=connector_id,
                system=new.system,
                fields=plain,
                credentials=self._sealed(caller, connector_id, hidden),
                hook_secret=self._connections.seal(caller.account_id, connector_id, "hook", hook_secret.encode()),
                notes_on=sorted(set(new.notes_on or [])),
                pull_tickets=new.pull_tickets,
                public_notes=new.public_notes,
                status_on_claim=clean_optional("status_on_claim", new.status_on_claim, longest=_LONGEST_LABEL),
                status_on_resolve=clean_optional("status_on_resolve", new.status_on_resolve, longest=_LONGEST_LABEL),
                assign_on_claim=new.assign_on_claim,
                by=caller.user_id,
            )
            name = SYSTEMS[new.system].name
            if not made:
                raise Refusal("limit_reached", f"{name} is connected already. Change that connector instead.", limit=1)
            await record(tx, caller, "connector.changed", name, {"change": "added"})
            connector = self._shown(await self._mine(tx, caller, str(connector_id)))
        return CreatedConnector(connector=connector, hook_secret=hook_secret)

    async def change(self, caller: Caller, connector_id: str, patch: ConnectorPatch) -> Connector:
        """Write what is given. Switching it off ends what still waits to be written."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, connector_id)
        names = ("pull_tickets", "public_notes", "assign_on_claim", "active")
        changes: dict[str, Any] = {name: getattr(patch, name) for name in names if getattr(patch, name) is not None}
        if patch.fields is not None:
            try:
                kept = self._connections.secrets(row)
            except RefusedError:
                kept = {}  # sealed under a key that is gone: whoever changes it enters all of them
            plain, hidden = await self._fields(row.system, patch.fields, row.fields, kept)
            changes |= {"fields": plain, "credentials": self._sealed(caller, row.id, hidden)}
        if patch.notes_on is not None:
            changes["notes_on"] = sorted(set(patch.notes_on))
        for name in ("status_on_claim", "status_on_resolve"):
            if (given := getattr(patch, name)) is not None:
                changes[name] = clean_optional(name, given, longest=_LONGEST_LABEL)
        if patch.active is not None or patch.fields is not None:
            changes["paused_reason"] = None
        async with self._db.tenant(caller.account_id) as tx:
            if patch.active is False:  # notes before connectors: so they are locked where one is written
                await progress.call_off(tx, caller.account_id, row.id, "The connector was switched off")
            await repository.update(tx, caller.account_id, row.id, changes)
            said = [name for name in changes if name not in {"credentials", "paused_reason"}]
            await record(tx, caller, "connector.changed", SYSTEMS[_system(row)].name, {"changed": said})
            return self._shown(await self._mine(tx, caller, connector_id))

    async def delete(self, caller: Caller, connector_id: str) -> None:
        """Remove it with its credentials; nothing more is written."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, connector_id)
            await progress.call_off(tx, caller.account_id, row.id, "The connector was removed")
            await repository.delete(tx, caller.account_id, row.id)
            await record(tx, caller, "connector.changed", SYSTEMS[_system(row)].name, {"change": "removed"})

    async def renew_hook_secret(self, caller: Caller, connector_id: str) -> CreatedConnector:
        """A new secret for the PSA's webhooks; the one before is worth nothing from now on."""
        secret = _hook_secret()
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, connector_id)
            sealed = self._connections.seal(caller.account_id, row.id, "hook", secret.encode())
            await repository.update(tx, caller.account_id, row.id, {"hook_secret": sealed})
            await record(tx, caller, "connector.changed", SYSTEMS[_system(row)].name, {"changed": ["hook_secret"]})
            return CreatedConnector(connector=self._shown(row), hook_secret=secret)

    async def check(self, caller: Caller, connector_id: str) -> ConnectorCheck:
        """Sign in now and say what was found; a good check ends a pause."""
        until = monotonic() + _PATIENCE_S
        while True:
            async with self._db.tenant(caller.account_id) as tx:
                row = await self._mine(tx, caller, connector_id)
                busy = await repository.take_turn(tx, caller.account_id, row.id)
            if busy is None:
                break
            if busy.free_why in {"asked", "budget"} or monotonic() > until:
                words = {"busy": "A note is being written right now. Try again in a moment."}.get(
                    busy.free_why, f"{SYSTEMS[_system(row)].name} wants no more requests for now."
                )
                return ConnectorCheck(ok=False, text=words, remedy=None, at=busy.free_at)
            await asyncio.sleep(0.25)

        async def look(psa: Psa) -> str:
            return await psa.check()

        answer = await asked(self._connections, row, look, within_s=_CHECK_S)
        remedy = answer.error.remedy if isinstance(answer.error, RefusedError) else None
        text = answer.found or (answer.error.text if answer.error else "")
        async with self._db.tenant(caller.account_id) as tx:
            said = f"{text} {remedy}" if remedy else text
            at = await repository.checked(tx, caller.account_id, row.id, ok=answer.error is None, text=said)
            await answer.give_turn(tx, self._connections, row)
        return ConnectorCheck(ok=answer.error is None, text=text, remedy=remedy, at=at)

    async def notes(
        self, caller: Caller, connector_id: str, *, state: str | None, cursor: str | None, limit: int
    ) -> PsaNotePage:
        """The log, newest first; `state` failed lists the dead letters."""
        if state is not None and state not in STATES:
            raise Refusal("bad_request", f"`state` must be one of {', '.join(STATES)}.", field="state")
        before = decode_cursor(cursor)[1:] if cursor else None
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, connector_id)
            rows = await progress.log(tx, caller.account_id, row.id, state=state, before=before, limit=limit + 1)
        more = encode_cursor(0, rows[limit - 1].at, rows[limit - 1].id) if len(rows) > limit else None
        return PsaNotePage(items=[mapping.note(one) for one in rows[:limit]], next_cursor=more)

    async def replay(self, caller: Caller, connector_id: str, note_id: str | None = None) -> Replayed:
        """Write one dead letter or all of them again. Refuses `not_retryable`."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await self._mine(tx, caller, connector_id)
            if not row.active or row.paused_reason:
                raise Refusal("not_retryable", "The connector does not write now. Check it, or switch it on, first.")
            wanted = parse_id(note_id) if note_id is not None else None
            if note_id is not None:
                found = await progress.lock(tx, caller.account_id, row.id, wanted) if wanted else None
                if found is None:
                    raise Refusal("not_found", "There is no such note, or you may not see it.")
                if found.state != "failed":
                    raise Refusal("not_retryable", f"This note is {found.state}.", state=found.state)
            number = await progress.replay(tx, caller.account_id, row.id, wanted)
            await record(tx, caller, "connector.changed", SYSTEMS[_system(row)].name, {"replayed": number})
        self._db.wakeup.touch(TOPIC)
        return Replayed(notes=number)

    def _shown(self, row: AnyRow) -> Connector:
        return mapping.connector(row, self._public_url)

    def _sealed(self, caller: Caller, connector_id: UUID, hidden: dict[str, str]) -> bytes:
        return self._connections.seal(caller.account_id, connector_id, "credentials", orjson.dumps(hidden))

    async def _fields(
        self, system: PsaSystem, given: dict[str, str], plain: dict[str, str], hidden: dict[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """What is entered over what is kept, plain and secret; every refusal names the field.

        Kept secrets go to no other host than they were entered for: with another one they are entered again.
        """
        known = {field.name: field for field in SYSTEMS[system].fields}
        if strange := sorted(set(given) - set(known)):
            raise Refusal("invalid_body", f"`fields` has no `{strange[0]}` for this system.", field="fields")
        kept: tuple[dict[str, str], dict[str, str]] = ({}, {})
        moved = False
        for name, field in sorted(known.items(), key=lambda one: one[1].secret):
            before = "" if field.secret and moved else (hidden if field.secret else plain).get(name, "")
            entered = clean_optional(name, given.get(name), longest=_LONGEST_FIELD)
            cleared = name in given and not field.secret
            value = entered or ("" if cleared else before) or field.default
            if not value and field.secret and moved and hidden.get(name):
                words = f"`{name}`: the address is another one. Enter every secret again; kept ones are not sent there."
                raise Refusal("invalid_body", words, field=name)
            if not value and field.required:
                clean(name, value, longest=_LONGEST_FIELD)  # refuses, naming it
            if value and field.address:
                await self._check_address(name, value)
                moved = moved or _place(value) != _place(before)
            if value:
                kept[field.secret][name] = value
        return kept

    async def _check_address(self, name: str, value: str) -> None:
        try:
            await self._sender.check(value)
        except TargetRefusedError as refused:
            raise Refusal("invalid_body", f"`{name}`: {refused}", field=name) from refused

    async def _mine(self, tx: AsyncConnection, caller: Caller, connector_id: str) -> AnyRow:
        """The connector, for an administrator; what is not there is not found, whoever asks."""
        parsed = parse_id(connector_id)
        row = await repository.connector(tx, caller.account_id, parsed) if parsed else None
        if row is None:
            raise Refusal("not_found", "There is no such connector, or you may not see it.")
        caller.require("admin")
        return row


def _place(address: str) -> tuple[str, str | None, int | None]:
    """Whom one talks to at an address that was checked, and whether in the clear."""
    parts = urlsplit(address)
    return parts.scheme.lower(), parts.hostname, parts.port


def _hook_secret() -> str:
    """64 characters, the most that Autotask takes."""
    return secrets.token_hex(_SECRET_BYTES)


def _system(row: AnyRow) -> PsaSystem:
    system: PsaSystem = row.system
    return system
