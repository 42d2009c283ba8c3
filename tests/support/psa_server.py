"""What the three local PSAs have in common: HTTP, tickets, notes, members, and every way of misbehaving.

Each speaks its vendor's documented protocol (tests/support/psa_*.py); `faults` are used up one per request that changes
or reads a ticket's notes.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.listener import end_listening


@dataclass(frozen=True, slots=True)
class Fault:
    """`saved`: the request takes effect first. `status`: the answer; None is none at all, until the caller gives up."""

    status: int | None
    saved: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    late: int = 0
    """It takes effect before that many requests more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class Told:
    """One answer."""

    status: int = 200
    document: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: tuple[str, bytes] | None = None
    """A body that is no JSON, with its type."""


@dataclass(slots=True)
class Stored:
    """A note as the PSA keeps it."""

    id: int
    text: str
    public: bool
    author: int | None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    title: str = ""
    mailed: bool = False


@dataclass(slots=True)
class StoredTicket:
    """A ticket as the PSA keeps it."""

    id: int
    title: str
    customer: str
    description: str
    status: str = "New"
    owner: int | None = None
    notes: list[Stored] = field(default_factory=list)


class PsaServer:
    """Use as `async with ConnectWiseServer() as psa`. Ticket 48213 is there; member 7 is who calls."""

    system = ""

    def __init__(self) -> None:
        self.tickets = {48213: StoredTicket(48213, "VPN drops every hour", "Contoso", "Since Monday the VPN drops.")}
        self.members = {7: "api@msp.example", 11: "erin@msp.example"}
        self.statuses = {1: "New", 2: "In Progress", 5: "Completed"}
        self.faults: deque[Fault] = deque()
        self.fault: Callable[[Asked], Fault | None] = lambda _: None
        self.rule_makes_public = False
        self.hiding_fails = False
        self.removing_fails = False
        self.asked: list[Asked] = []
        self.hanging = False
        self.port = 0
        self._next = 100
        self._late: list[list[Any]] = []
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    # What tests read.

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def notes(self, ticket: int = 48213) -> list[Stored]:
        return self.tickets[ticket].notes

    def access(self) -> dict[str, str]:
        """What the connector is set up with."""
        raise NotImplementedError

    # What the protocols share.

    async def answer(self, asked: Asked) -> Told:
        raise NotImplementedError

    def save(self, ticket: StoredTicket, text: str, *, public: bool, title: str = "", author: int | None = 7) -> Stored:
        self._next += 1
        one = Stored(self._next, text, public or self.rule_makes_public, author, title=title)
        ticket.notes.append(one)
        return one

    async def with_fault(self, asked: Asked, act: Callable[[], Told]) -> Told:
        """Do it, unless a fault is due; a fault may let it happen and lie about it."""
        for one in self._late:
            one[0] -= 1
        due = [late for left, late in self._late if left <= 0]
        self._late = [one for one in self._late if one[0] > 0]
        for late in due:
            late()
        fault = self.faults.popleft() if self.faults else self.fault(asked)
        if fault is None:
            return act()
        if fault.saved:
            act()
        if fault.late and asked.method == "POST":
            self._late.append([fault.late, act])
        if fault.drop:
            raise ConnectionResetError
        if fault.status is None:
            await asyncio.Event().wait()
        return self.refusal(fault.status or 500, "Something went wrong", fault.headers)

    def refusal(self, status: int, words: str, headers: tuple[tuple[str, str], ...] = ()) -> Told:
        raise NotImplementedError

    # HTTP.

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await end_listening(self._server)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            if self.hanging:
                await asyncio.Event().wait()
            writer.write(_written(await self.answer(asked)))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = head[0].split(" ")
    parts = urlsplit(target)
    query = {name: given[0] for name, given in parse_qs(parts.query).items()}
    return Asked(method, unquote(parts.path), query, headers, body)


def _written(told: Told) -> bytes:
    kind, body = told.raw or ("application/json", b"" if told.document is None else json.dumps(told.document).encode())
    lines = [f"HTTP/1.1 {told.status} Answer", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", *(f"{name}: {value}" for name, value in told.headers), "", ""]
    return "\r\n".join(lines).encode() + body
