"""Who was told, how and when: presence says who could be, receipts say who was."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from backend.contract.events import Holding, Receipt
from backend.contract.people import Person
from backend.contract.vocabulary import Channel
from backend.db.background import keep_doing
from backend.db.batch import Batch
from backend.db.engine import Database
from backend.db.ids import parse_id
from backend.db.tables import AnyRow
from backend.delivery import repository
from backend.domain.refusal import Refusal
from backend.domain.scopes import works
from backend.http.problems import DATABASE_DOWN
from backend.identity.caller import Caller
from backend.identity.repository import seniors

log = logging.getLogger(__name__)

VOUCH_S: Final = 15.0
_DETAIL: Final = 200
_REASON: Final = 40
_RUNGS: Final = 1_000_000
_NO_PROCESS: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Alerts are held back: why, as the client says, and until when, where it ends by itself."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachEntry:
    """One senior, and where they have a client open now. Nothing here proves that they will look.

    `held` where every client that is open holds alerts back.
    """

    user: Person
    desktop: bool
    web: bool
    held: Held | None = None


class DeliveryService:
    """Presence and receipts. Implements the feed's `Audience`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._process = uuid4()
        self._arriving = Batch(partial(repository.insert_presence, database, self._process))
        self._leaving = Batch(partial(repository.delete_presence, database))
        self._missed: set[tuple[UUID, UUID]] = set()
        """Clients that are gone and may still be on the list: what would have told so was cut off."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to vouch for this process's clients."""
        self._task = asyncio.create_task(
            keep_doing(self._vouch, what="refresh who is connected", expected=DATABASE_DOWN), name="presence"
        )

    async def stop(self) -> None:
        """End it, and take this process's clients off the list."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        try:
            await repository.drop_presence(self._db, self._process)
        except DATABASE_DOWN as error:
            log.info("presence of this process expires by itself, the database is away: %s", error)

    async def arrived(self, caller: Caller, channel: Channel, link_id: UUID) -> None:
        """A client has connected. One that may only read watches, and reaches nobody."""
        if works(caller.scopes):
            with self._missing(caller, link_id):
                await self._arriving.one((caller.account_id, link_id, caller.user_id, channel))

    async def left(self, caller: Caller, link_id: UUID) -> None:
        """It is gone. When that cannot be written now it is later: until then its process would vouch for it."""
        with self._missing(caller, link_id):
            await self._leaving.one((caller.account_id, link_id))

    @contextlib.contextmanager
    def _missing(self, caller: Caller, link_id: UUID) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._missed.add((caller.account_id, link_id))
            raise

    async def holds(self, caller: Caller, link_id: UUID, holding: Holding) -> None:
        """A client holds alerts back from now on, or shows them again."""
        async with self._db.tenant(caller.account_id) as tx:
            await repository.hold(tx, caller.account_id, link_id, *_held(holding))

    async def asking(self, caller: Caller, channel: Channel, holding: Holding) -> None:
        """A client that reads by requests asks for news: connected for as long as a client is believed without a word.

        Its sign-in stands for the client; no process vouches for it. One that may only read reaches nobody.
        """
        if not works(caller.scopes):
            return
        held, held_until = _held(holding)
        async with self._db.tenant(caller.account_id) as tx:
            await repository.renew_presence(
                tx,
                account_id=caller.account_id,
                link_id=caller.credential_id,
                user_id=caller.user_id,
                channel=channel,
                process=_NO_PROCESS,
                held=held,
                held_until=held_until,
            )

    async def require_handoff(self, caller: Caller, handoff_id: str) -> None:
        """Refuse with `not_found` what the caller's account does not have."""
        known = parse_id(handoff_id)
        if known is not None:
            async with self._db.tenant(caller.account_id) as tx:
                if await repository.handoff_exists(tx, caller.account_id, known):
                    return
        raise Refusal("not_found", "There is no such hand-off.")

    async def receipt(self, caller: Caller, channel: Channel, receipt: Receipt) -> None:
        """Keep what a client says of an alert. An unknown handoff is ignored: there is nobody to tell.

        Raises one of DATABASE_DOWN when it could not be kept: the socket must close then, so that the client, which
        forgets a receipt only by its echo in the log, sends it again. A receipt that came before changes nothing.
        """
        handoff_id = parse_id(receipt.handoff_id)
        if handoff_id is None or not 0 <= (receipt.rung or 0) < _RUNGS:
            return
        if not (caller_may_claim(caller) and works(caller.scopes)):
            return
        seq = await repository.record_receipt(
            self._db,
            account_id=caller.account_id,
            handoff_id=handoff_id,
            user_id=caller.user_id,
            channel=channel,
            device=str(caller.credential_id),
            state=receipt.state,
            detail=receipt.reason[:_DETAIL].replace("\x00", "") if receipt.reason else None,
            rung=receipt.rung,
        )
        if seq is not None:
            self._db.wakeup.touch(str(caller.account_id))

    async def reach(self, caller: Caller, *, exclude_user_id: str | None = None) -> list[ReachEntry]:
        """Every senior of the account and where they are connected, by name."""
        async with self._db.tenant(caller.account_id) as tx:
            people = await seniors(tx, caller.account_id)
            links = await repository.connected(tx, caller.account_id)
        return [
            _reach(p, [link for link in links if link.user_id == p.id]) for p in people if str(p.id) != exclude_user_id
        ]

    async def _vouch(self) -> None:
        await asyncio.sleep(VOUCH_S)
        if gone := tuple(self._missed):
            await repository.delete_presence(self._db, gone)
            self._missed.difference_update(gone)
        await repository.touch_presence(self._db, self._process)


def _held(holding: Holding) -> tuple[str | None, datetime | None]:
    """Reason and end as they are kept. A time without a zone is UTC; one beyond the calendar is no end at all."""
    reason = (holding.reason or "").replace("\x00", "")[:_REASON] or None
    until = holding.until if reason else None
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    try:
        return reason, until and until.astimezone(UTC)
    except OverflowError:
        return reason, None


def _reach(person: AnyRow, links: list[AnyRow]) -> ReachEntry:
    open_now = {link.channel for link in links}
    held = [Held(reason=link.held, until=link.held_until) for link in links if link.held is not None]
    return ReachEntry(
        user=Person(id=str(person.id), name=person.name),
        desktop="desktop" in open_now,
        web="web" in open_now,
        held=held[0] if held and len(held) == len(links) else None,
    )


def caller_may_claim(caller: Caller) -> bool:
    """Receipts count for those only whom an escalation is meant to reach."""
    return caller.role in {"engineer", "admin", "owner"}
