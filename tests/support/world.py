"""A small world for fault tests: accounts, servers, a post office, recorded people, and the verdict over all of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import asyncpg

from backend.db.engine import Database
from tests.support.checker import violations
from tests.support.history import NOBODY, History, Violation
from tests.support.people import Crew, Member, add_member, make_crew
from tests.support.processes import WorkerProcess
from tests.support.recorded import Ear, Hand, PostOffice, last_look
from tests.support.server import Server

MAIL_FROM: Final = "escalations@flowpilot.example"
WAIT_S: Final = 60.0
"""For what must come, on a machine that may stand still for seconds; no promise of speed."""
DELIVERY_KINDS: Final = ("step", "idle", "closed", "email")
_QUIET: Final = """
    SELECT count(*) FROM job WHERE kind = any($1)
    AND (due_at <= clock_timestamp() + interval '1 second' OR lease_until > clock_timestamp())
"""


class World:
    """An async context manager on one migrated database of its own. `email_after_s` is the product's own setting."""

    def __init__(self, owner_url: str, folder: Path, *, email_after_s: float = 1.0) -> None:
        self.owner_url, self.folder = owner_url, folder
        self.history = History()
        self.post = PostOffice()
        self.smtp_url = ""
        """Another way to the post office."""
        self.crews: list[Crew] = []
        self.teams: dict[str, list[Member]] = {}
        self.servers: list[Server] = []
        self.workers: list[WorkerProcess] = []
        self.email_after_s = email_after_s
        self._hands: list[Hand] = []
        self._ears: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.post.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for ear in self._ears:
            ear.cancel()
        await asyncio.gather(*self._ears, return_exceptions=True)
        for hand in self._hands:
            await hand.close()
        processes: list[Server | WorkerProcess] = [*self.servers, *self.workers]
        await asyncio.gather(*(asyncio.to_thread(process.kill9) for process in processes))
        await asyncio.to_thread(self.post.stop)

    # --- who and what there is ---

    def settings(self, **more: str) -> dict[str, str]:
        """The environment of a server or worker of this world."""
        return {
            "FLOWPILOT_SMTP_URL": self.smtp_url or self.post.url,
            "FLOWPILOT_MAIL_FROM": MAIL_FROM,
            "FLOWPILOT_EMAIL_AFTER_S": str(self.email_after_s),
            **more,
        }

    async def account(self, name: str = "Northwind MSP", *, juniors: int = 0, seniors: int = 0) -> Crew:
        """Make an account with its six people, and as many more as asked for."""
        opened = await Database.open(self.owner_url, pool_size=2)
        try:
            crew = await make_crew(opened, self.owner_url, name)
            more = [await add_member(opened, crew, name=f"Junior {n}", role="technician") for n in range(juniors)]
            more += [await add_member(opened, crew, name=f"Senior {n}", role="engineer") for n in range(seniors)]
        finally:
            await opened.close()
        self.crews.append(crew)
        self.teams[crew.account_id] = [*crew.everyone, *more]
        return crew

    async def server(
        self, *, plan: Mapping[str, Any] | None = None, url: str | None = None, start: bool = True, **more: str
    ) -> Server:
        """Start a server; with a `plan` it is the faulty one. `url` is another way to the same database."""
        if plan is not None:
            more |= {"FP_FAULT_PLAN": json.dumps(plan)}
        one = Server(
            url or self.owner_url,
            self.folder / f"server{len(self.servers)}",
            environment=self.settings(**more),
            program="tests.support.faulty_server" if plan is not None else "backend.cli",
        )
        self.servers.append(one)
        return await asyncio.to_thread(one.start) if start else one

    def worker(self, *, url: str | None = None, **more: str) -> WorkerProcess:
        """Start a worker process."""
        folder = self.folder / f"worker{len(self.workers)}"
        one = WorkerProcess(url or self.owner_url, folder, self.settings(**more))
        self.workers.append(one)
        return one.start()

    def hand(self, crew: Crew, who: Member, server: Server | None = None, others: Sequence[Server] = ()) -> Hand:
        """A person's hand at a server; at one of the `others` when it does not answer."""
        hand = Hand(self.history, crew.account_id, who, server or self.servers[0], others)
        self._hands.append(hand)
        return hand

    async def ear(self, crew: Crew, who: Member, server: Server | None = None, *, answers: bool = True) -> Ear:
        """A desktop of this person that listens from now on; returns when the server counts it as connected."""
        ear = Ear(self.history, crew.account_id, who, server or self.servers[0], answers=answers)
        self._ears.append(asyncio.create_task(ear.run()))
        async with asyncio.timeout(WAIT_S):
            await ear.connected.wait()
        return ear

    # --- time and the end ---

    async def execute(self, statement: str, *arguments: object) -> None:
        """One statement as the owner of the database."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    async def rows(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows as the owner of the database."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def hurry(self, *kinds: str) -> None:
        """Let the time pass that planned work of these kinds waits for."""
        await self.execute("UPDATE job SET due_at = clock_timestamp() WHERE kind = any($1)", list(kinds))

    async def expire_leases(self) -> None:
        """Let the time pass for which dead workers hold their work."""
        await self.execute("UPDATE job SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL")

    async def quiet(self, *kinds: str, within: float = WAIT_S) -> None:
        """Wait until no work of delivery (or of these kinds) is due or under way."""
        wanted = list(kinds or DELIVERY_KINDS)
        async with asyncio.timeout(within):
            connection = await asyncpg.connect(self.owner_url)
            try:
                while await connection.fetchval(_QUIET, wanted):  # noqa: ASYNC110 - a table can only be asked
                    await asyncio.sleep(0.1)
            finally:
                await connection.close()

    async def caught_up(self, *, within: float) -> None:
        """Wait until everything of delivery that is due at this moment has been tried; people may go on working."""
        [now] = await self.rows("SELECT clock_timestamp() AS at")

        async def done() -> bool:
            left = "SELECT FROM job WHERE kind = any($1) AND due_at <= $2 LIMIT 1"
            return not await self.rows(left, list(DELIVERY_KINDS), now["at"])

        await until(done, within=within)

    async def look(self, at_rest: Path | None = None) -> list[Violation]:
        """Read the end of the story and judge it. `at_rest` is what the faulty server saw on idle connections."""
        if at_rest is not None:
            self.history.read(NOBODY, await asyncio.to_thread(_text_of, at_rest), "a connection at rest")
        await last_look(self.history, self.owner_url, self.teams, self.post)
        return violations(self.history)

    async def judge(self) -> None:
        """Assert that nothing was broken; what was is kept beside the test's files."""
        found = await self.look()
        if found:
            self.history.save(self.folder / "history.json")
        assert not found, "\n".join(f"{v.rule}: {v.text}" for v in found[:20])


async def until(true: Callable[[], Awaitable[bool]], *, within: float = WAIT_S) -> None:
    """Wait until an async question is answered yes."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - what other programs do can only be asked
            await asyncio.sleep(0.05)


async def gone(process: Server, *, within: float = 30.0) -> None:
    """Wait until a process that kills itself has done so."""
    async with asyncio.timeout(within):
        while process.alive:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
