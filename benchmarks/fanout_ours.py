"""FlowPilot in the fan-out benchmark: real accounts, people, sessions and escalations over HTTP.

Its PostgreSQL keeps the time of each commit, so that latency begins where the promise begins.
"""

import contextlib
import importlib.metadata
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from backend.db.embedded import EmbeddedPostgres
from backend.db.migrate import upgrade
from backend.identity.credentials import digest
from benchmarks.fanout_load import MARK, Publisher, Step, http_answered, mark, ws_handshake, ws_text
from benchmarks.fanout_peers import Peer
from tests.support.server import Server

SOCKETS_EACH = 10
"""Sockets per person in a big account; one person may have twelve."""
_STREAM = "/api/v1/events/stream"


class Ours:
    """A database with accounts, and servers on it. The last one has the sockets, the first one takes escalations."""

    def __init__(self, folder: Path, accounts: int, sockets: int, events: int) -> None:
        self._folder = folder
        self.accounts = [uuid4() for _ in range(accounts)]
        self._each = sockets // accounts
        self._events = events
        self.postgres: EmbeddedPostgres | None = None
        self.servers: list[Server] = []
        self._tokens: list[list[str]] = []
        self._juniors: list[str] = []
        self._sessions: list[UUID] = []
        self.heads: dict[int, int] = {}

    async def seed(self, url: str) -> None:
        """Everyone at once, as rows: seniors in small accounts; where one has thousands of sockets, viewers."""
        await upgrade(url)
        big = self._each > 100
        people, tokens, sessions, streams = [], [], [], []
        for n, account in enumerate(self.accounts):
            junior = uuid4()
            mine: list[str] = []
            streams.append((account,))
            everyone = [(junior, "technician")]
            if big:
                everyone += [(uuid4(), "engineer")]
            count = -(-self._each // SOCKETS_EACH) if big else self._each
            everyone += [(uuid4(), "viewer" if big else "engineer") for _ in range(count)]
            for k, (person, role) in enumerate(everyone):
                people.append((account, person, f"p{k}@a{n}.example", f"Person {k} of account {n}", role))
                token = f"fp_bench_{n}_{k}_{'x' * 20}"
                tokens.append((account, uuid4(), person, digest(token)))
                (mine if role != "technician" else self._juniors).append(token)
            self._tokens.append(mine[1:] if big else mine)
            for event in range(n, self._events, len(self.accounts)):
                session = uuid4()
                sessions.append((account, session, junior, f"The tunnel drops {mark(event)} again", "It drops."))
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("set session_replication_role = replica")
            await connection.copy_records_to_table(
                "account", columns=["id", "name"], records=[(a, f"MSP {n}") for n, a in enumerate(self.accounts)]
            )
            await connection.copy_records_to_table("account_stream", columns=["account_id"], records=streams)
            columns = ["account_id", "id", "email", "name", "role"]
            await connection.copy_records_to_table("app_user", columns=columns, records=people)
            columns = ["account_id", "id", "user_id", "token_hash"]
            await connection.copy_records_to_table("access_token", columns=columns, records=tokens)
            columns = ["account_id", "id", "owner_id", "title", "problem"]
            await connection.copy_records_to_table("ai_session", columns=columns, records=sessions)
            await connection.execute("vacuum analyze")
        finally:
            await connection.close()
        place = {account: n for n, account in enumerate(self.accounts)}
        self._sessions = [UUID(int=0)] * self._events
        for account, session, _, title, _ in sessions:
            found = re.search(MARK.pattern.decode(), title)
            assert found is not None
            self._sessions[int(found[1])] = session
            assert place[account] == int(found[1]) % len(self.accounts)

    def start(self, url: str, processes: int, **environment: str) -> Peer:
        """Start the servers."""
        quiet = {"FLOWPILOT_WORKER": "off", "FLOWPILOT_LOG_LEVEL": "warning", **environment}
        for n in range(processes):
            self.servers.append(Server(url, self._folder / f"server{n}", environment=quiet, from_scratch=True).start())
        return self.peer()

    def peer(self) -> Peer:
        """As the load sees it."""
        first, last = self.servers[0], self.servers[-1]
        others = {"writer": [first.pid]} if first is not last else {}
        if (postmaster := self._folder / "data" / "postgres" / "postmaster.pid").exists():
            others["postgres"] = [int(postmaster.read_text().split()[0])]
        return Peer(
            "FlowPilot", importlib.metadata.version("flowpilot-escalations"), last.port, [last.pid],
            self.script, self.request, lambda: Publisher(first.port, http_answered), others,
        )  # fmt: skip

    def script(self, n: int, after: int | None = None) -> Sequence[Step]:
        """Socket `n` signs in, reads its greeting, and names its position."""

        def resume(read: bytes) -> bytes:
            found = re.search(rb'"head":(\d+)', read)
            assert found is not None, read
            return ws_text(f'{{"type":"resume","after":{int(found[1]) if after is None else after}}}')

        opening = ws_handshake(_STREAM, f"Authorization: Bearer {self.token(n)}")
        return [(opening, b'"type":"hello"'), (resume, b"")]

    def token(self, n: int) -> str:
        """The sign-in of socket `n`."""
        tokens = self._tokens[n % len(self.accounts)]
        return tokens[n // len(self.accounts) % len(tokens)]

    def junior(self, account: int) -> str:
        """The sign-in of who escalates there."""
        return self._juniors[account]

    def senior(self, account: int) -> str:
        """The sign-in of who may claim there."""
        return self._tokens[account][0]

    def reading(self, n: int) -> bytes:
        """A request for the queue of some account."""
        token = self._juniors[n % len(self.accounts)]
        return f"GET /api/v1/handoffs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def request(self, event: int, _payload: bytes) -> bytes:
        """Escalate the session of event `event`."""
        body = b'{"reason":"The tunnel drops again after every key change."}'
        head = (
            f"POST /api/v1/ai-sessions/{self._sessions[event]}/handoff HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self._juniors[event % len(self.accounts)]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def commits(url: str) -> dict[int, float]:
    """When each escalation was committed, by its mark; seconds since the epoch."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "select data->>'title' as title, pg_xact_commit_timestamp(xmin) as at from account_event"
            " where kind = 'handoff.created'"
        )
    finally:
        await connection.close()
    found: dict[int, float] = {}
    for row in rows:
        which = re.search(MARK.pattern.decode(), row["title"])
        at: datetime | None = row["at"]
        if which is not None and at is not None:
            found[int(which[1])] = at.timestamp()
    return found


async def transactions(url: str) -> int:
    """How many the database has seen."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_stat_force_next_flush()")
        await connection.execute("select pg_stat_clear_snapshot()")
        count: int = await connection.fetchval(
            "select xact_commit from pg_stat_database where datname = current_database()"
        )
        return count
    finally:
        await connection.close()


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """A PostgreSQL of its own, with fsync, as installations run it."""
    options = (("track_commit_timestamp", "on"), ("max_connections", "100"), ("shared_buffers", "256MB"))
    with EmbeddedPostgres(folder, options=options) as server:
        yield server.url
