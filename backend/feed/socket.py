"""The event stream over WebSocket, as a bare ASGI endpoint: one cursor per socket on its account's feed.

A desktop shows a bearer token and no Origin; a web page shows its cookie from exactly our own origin. Whoever reads too
slowly is closed with 4408 and resumes from its position later; nobody else notices.
"""

import asyncio
import contextlib
import logging
import random
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from backend.contract import events as wire
from backend.contract.problems import Code
from backend.contract.vocabulary import Channel
from backend.db.background import keep_doing
from backend.db.wakeup import Wakeup
from backend.domain.refusal import Refusal
from backend.feed.hub import AccountFeed, FeedHub
from backend.feed.link import FloodingError, GoneError, Link, NotSameError, ProtocolFault, TooSlowError
from backend.feed.ports import Audience
from backend.feed.rooms import HEARTBEAT_S, Rooms
from backend.feed.trial import Trials
from backend.http.at_once import AtOnce
from backend.http.client import is_here, network_of
from backend.http.frames import text_frame
from backend.http.problems import DATABASE_DOWN, problem_response
from backend.http.respond import encode
from backend.identity.caller import Caller
from backend.identity.dependencies import bearer, caller_of, same_origin
from backend.identity.devices import SIGN_INS
from backend.identity.service import IdentityService
from backend.sessions.stream import LivePages

log = logging.getLogger(__name__)

SOCKETS_PER_USER: Final = 12
SOCKETS_PER_ADDRESS: Final = 2_000
RECHECK_S: Final = 2.0
FAREWELL_SPREAD_MS: Final = 5_000
FAREWELL_S: Final = 1.5
"""A client that has not taken its farewell by then hears of the stop by the end of its connection."""
_CLOSE_BROKEN: Final = 1011
_TAKES: Final = ["holding"]


class EventSockets:
    """All event stream sockets of this process."""

    def __init__(
        self,
        hub: FeedHub,
        identity: IdentityService,
        audience: Audience,
        wakeup: Wakeup,
        pages: LivePages,
        *,
        per_address: int = SOCKETS_PER_ADDRESS,
    ) -> None:
        """`pages` end with their sign-ins as sockets do: one question to the database for all of them."""
        self._hub = hub
        self._identity = identity
        self._pages = pages
        self._audience = audience
        self._rooms = Rooms()
        hub.told = self._rooms.told
        self._links: set[Link] = set()
        self._per_user = AtOnce(SOCKETS_PER_USER, "connections of this user")
        self._per_address = AtOnce(per_address, "connections from this address")
        self._recheck: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self.tests = Trials(wakeup, lambda: tuple(self._links))
        wakeup.subscribe(self._hinted)

    def start(self) -> None:
        """Begin to send heartbeats, and to watch whether the sign-ins of open sockets still hold."""
        self._rooms.start()
        self._recheck = asyncio.create_task(
            keep_doing(self._close_revoked, what="check the sign-ins of open sockets", expected=DATABASE_DOWN),
            name="socket-recheck",
        )

    async def stop(self) -> None:
        """End both."""
        await self._rooms.stop()
        if self._recheck is not None:
            self._recheck.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._recheck

    @property
    def open(self) -> int:
        """How many sockets are open."""
        return len(self._links)

    async def farewell(self) -> None:
        """Before a planned stop: tell everyone when to come back, spread out, and close."""

        async def leave(link: Link) -> None:
            with contextlib.suppress(GoneError, TooSlowError):
                # Jitter between clients, nothing secret.
                await link.send(encode(wire.Bye(retry_after_ms=random.randrange(200, FAREWELL_SPREAD_MS))).decode())  # noqa: S311
            await link.close(wire.CLOSE_RESTARTING, "restarting")

        if farewells := [asyncio.create_task(leave(link), name="farewell") for link in tuple(self._links)]:
            _, unheard = await asyncio.wait(farewells, timeout=FAREWELL_S)
            for one in unheard:
                one.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from handshake to close."""
        socket = WebSocket(scope, receive, send)
        try:
            caller, channel = await _admit(socket, self._identity)
        except Refusal as refusal:
            await _deny(socket, refusal.code, refusal.detail)
            return
        except DATABASE_DOWN as error:
            log.warning("a socket was refused because the database does not answer: %s", error)
            await _deny(socket, "database_unavailable", "The database does not answer. Try again.")
            return
        await socket.accept()
        link = Link(socket, caller, channel)
        try:
            with self._per_user.held(caller.user_id), self._room(socket):
                self._links.add(link)
                try:
                    await self._serve(link)
                finally:
                    self._links.discard(link)
        except Refusal as refusal:
            await link.close(wire.CLOSE_TOO_MANY, refusal.detail)

    def _room(self, socket: HTTPConnection) -> AbstractContextManager[None]:
        """One place of the address that the client comes from; what runs on this very machine is not counted."""
        address = network_of(socket.client.host if socket.client else "")
        return contextlib.nullcontext() if is_here(address) else self._per_address.held(address)

    async def _serve(self, link: Link) -> None:
        """Talk until it ends, and close with the code that tells the client what to do next."""
        try:
            await self._talk(link)
        except* ProtocolFault as group:
            await link.close(wire.CLOSE_PROTOCOL, str(group.exceptions[0])[:100])
        except* TooSlowError:
            log.info("closing the slow socket of user %s at position %s", link.caller.user_id, link.cursor)
            await link.close(wire.CLOSE_TOO_SLOW, "too slow")
        except* NotSameError:
            await link.close(wire.CLOSE_TOKEN, "token expired or revoked")
        except* FloodingError:
            log.warning("closing the socket of user %s, which sends too many frames", link.caller.user_id)
            await link.close(wire.CLOSE_TOO_MANY, "too many frames")
        except* GoneError:
            log.debug("socket of user %s ended", link.caller.user_id)
        except* DATABASE_DOWN as group:
            log.warning("closing a socket because the database does not answer: %s", group.exceptions[0])
            await link.close(wire.CLOSE_RESTARTING, "database unavailable")
        except* Exception:
            log.exception("the socket of user %s broke by a fault in the program", link.caller.user_id)
            await link.close(_CLOSE_BROKEN, "internal error")

    async def _talk(self, link: Link) -> None:
        feed = await self._hub.open(link.caller.account_id)
        try:
            await self._audience.arrived(link.caller, link.channel, link.id)
            hello = _hello(feed, link.caller)
            if not link.put(text_frame(hello)):
                await link.send(hello)
            await self._listen(link, feed)
        finally:
            self._hub.close(feed)
            with contextlib.suppress(*DATABASE_DOWN):  # presence expires by itself
                await self._audience.left(link.caller, link.id)

    async def _listen(self, link: Link, feed: AccountFeed) -> None:
        link.attach()
        self._rooms.enter(link, feed)
        try:
            while True:
                await self._take(link, feed)
        except asyncio.CancelledError:
            if link.fault is None:
                raise
            raise link.fault from None
        finally:
            self._rooms.leave(link, feed)

    async def _take(self, link: Link, feed: AccountFeed) -> None:
        """One frame of the client."""
        frame = _frame(await link.receive())
        if isinstance(frame, wire.Resume):
            self._rooms.resumed(link, feed, frame.after, frame.epoch)
        elif isinstance(frame, wire.Receipt):
            if frame.handoff_id in link.tests:
                await self.tests.answered(link, frame)
            else:
                await self._audience.receipt(link.caller, link.channel, frame)
        elif isinstance(frame, wire.Holding):
            await self._audience.holds(link.caller, link.id, frame)
        elif isinstance(frame, wire.Reauth):
            link.caller = await self._same(link.caller, frame.token)

    async def _same(self, former: Caller, token: str) -> Caller:
        """The caller by its newer token. A token of any other sign-in ends the socket: it is not passed on."""
        caller = await self._identity.caller_from_token(token)
        if caller is None or (caller.kind, caller.credential_id) != (former.kind, former.credential_id):
            raise NotSameError
        return caller

    def _hinted(self, topic: str) -> None:
        if topic == SIGN_INS:
            self._ended.set()
        self.tests.hinted(topic)

    async def _close_revoked(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECHECK_S):
                await self._ended.wait()
        self._ended.clear()
        links = tuple(self._links)
        if sign_ins := {link.caller.credential_id for link in links} | self._pages.sign_ins():
            ended = await self._identity.ended(list(sign_ins))
            now = datetime.now(UTC)
            self._pages.end(ended, now)
            over = [link for link in links if link.caller.over(now) or (ended and link.caller.credential_id in ended)]
            await asyncio.gather(*(_expelled(link) for link in over))


async def _admit(socket: HTTPConnection, identity: IdentityService) -> tuple[Caller, Channel]:
    """Who is at the door. Refused before the handshake ends, so that strangers cost nothing."""
    token, origin = bearer(socket), socket.headers.get("origin")
    if token is not None and origin is not None:
        raise Refusal("origin_refused", "A bearer token is for programs; a page's Origin is refused.")
    if token is None and not same_origin(socket):
        if not socket.cookies:
            raise Refusal("unauthenticated", "Send `Authorization: Bearer` with a token.")
        raise Refusal("origin_refused", "The event stream takes this server's own pages only.")
    caller = await (identity.caller_at_the_door(token) if token is not None else caller_of(socket))
    if caller is None:
        raise Refusal("unauthenticated", "The token or the sign-in is unknown, expired or revoked.")
    return caller, "desktop" if caller.kind == "token" else "web"


async def _expelled(link: Link) -> None:
    await link.close(wire.CLOSE_TOKEN, "token expired or revoked")
    link.end(GoneError())  # a client that does not read has not taken the close frame either


async def _deny(socket: WebSocket, code: Code, detail: str) -> None:
    await socket.receive()  # the handshake's own message comes first
    await socket.send_denial_response(problem_response(code, detail))


def _hello(feed: AccountFeed, caller: Caller) -> str:
    hello = wire.Hello(
        epoch=feed.epoch,
        head=feed.head,
        heartbeat_s=HEARTBEAT_S,
        server_time=datetime.now(UTC),
        user=caller.view(),
        takes=_TAKES,
    )
    return encode(hello).decode()


def _frame(message: Message) -> wire.Resume | wire.Receipt | wire.Holding | wire.Ack | wire.Reauth:
    text = message.get("text")
    if text is None:
        raise ProtocolFault("frames are text")
    try:
        kind = msgspec.json.decode(text, type=dict[str, Any]).get("type")
        if kind == "resume":
            resume = msgspec.json.decode(text, type=wire.Resume)
            if resume.after < 0:
                raise ProtocolFault("`after` is below zero")
            return resume
        if kind == "receipt":
            return msgspec.json.decode(text, type=wire.Receipt)
        if kind == "holding":
            return msgspec.json.decode(text, type=wire.Holding)
        if kind == "ack":
            return msgspec.json.decode(text, type=wire.Ack)
        if kind == "reauth":
            return msgspec.json.decode(text, type=wire.Reauth)
    except msgspec.MsgspecError as error:
        raise ProtocolFault(f"not a frame of this protocol: {error}") from error
    raise ProtocolFault(f"unknown frame type {kind!r}"[:90])
