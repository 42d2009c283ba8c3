"""Faults of the soak: each breaks one thing for a while and heals it. The history knows what was broken, and when."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.support.cluster import Cluster
from tests.support.mail_server import Mode
from tests.support.processes import WorkerProcess, frozen
from tests.support.server import Server
from tests.support.tcp_proxy import PgProxy, TcpProxy
from tests.support.world import World

_SETTLE_S: Final = 8.0
"""After healing: a second for the next look, two for readers, five until what was unknown is sent again."""
LISTENERS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND (query ILIKE 'listen%' OR query ILIKE '%pg_notify%')
"""
ANY_LINK: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'flowpilot'
"""
MAIL_MODES: Final[tuple[Mode, ...]] = (
    "refuse",
    "tarpit_greeting",
    "tarpit_rcpt",
    "slow_354",
    "slow_reply",
    "greylist",
    "defer_message",
    "cut",
    "cut_before_354",
    "cut_after_data",
    "garbage_reply",
    "unavailable",
)
"""All but the permanent refusals: an address that is refused for good is rightly never told."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What can be broken in one world: two servers, a worker, the cluster, and the ways between them."""

    world: World
    cluster: Cluster
    database: PgProxy
    post: TcpProxy
    chance: random.Random

    def all(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Fault by name."""
        faults: dict[str, Callable[[], Awaitable[None]]] = {
            "server.killed": self.kill_server,
            "worker.killed": self.kill_worker,
            "server.frozen": self.freeze_server,
            "worker.frozen": self.freeze_worker,
            "database.crashed": self.crash_database,
            "database.listen_cut": lambda: self.terminate("database.listen_cut", LISTENERS),
            "database.links_cut": lambda: self.terminate("database.links_cut", ANY_LINK),
            "database.held": self.hold_database,
            "commit.lost.escalate": lambda: self.lose("commit.lost.escalate", "escalate_handoff"),
            "commit.lost.claim": lambda: self.lose("commit.lost.claim", "claim_handoff"),
            "commit.lost.mail": lambda: self.lose("commit.lost.mail", "record_mail|delete from job"),
            "network.held": self.hold_post,
            "network.cut": self.cut_post,
        }
        for mode in MAIL_MODES:
            faults[f"smtp.{mode}"] = lambda mode=mode: self.misbehave(mode)  # type: ignore[misc]  # bound per mode
        return faults

    def _some_seconds(self) -> float:
        return self.chance.uniform(0.5, 4.0)

    async def kill_server(self) -> None:
        """kill -9, then a start on the same port."""
        await self._restarted(self.chance.choice(self.world.servers), "server.killed")

    async def kill_worker(self) -> None:
        """The same for the worker process."""
        await self._restarted(self.world.workers[0], "worker.killed")

    async def _restarted(self, process: Server | WorkerProcess, kind: str) -> None:
        # What a dead worker held comes back when its lease runs out.
        with self.world.history.disturbed(kind, settle_s=45.0):
            await asyncio.to_thread(process.kill9)
            await asyncio.sleep(self._some_seconds() / 4)
            await asyncio.to_thread(process.start)

    async def freeze_server(self) -> None:
        """SIGSTOP for some seconds."""
        with frozen(self.world.servers[self.chance.randrange(2)], self.world.history, "server.frozen"):
            await asyncio.sleep(self._some_seconds())
        self._settle("server.frozen.after")

    async def freeze_worker(self) -> None:
        """SIGSTOP; now and then for so long that its leases run out and another takes over."""
        with frozen(self.world.workers[0], self.world.history, "worker.frozen"):
            await asyncio.sleep(self._some_seconds())
            if self.chance.random() < 0.3:
                await self.world.expire_leases()
                await asyncio.sleep(2.0)
        self._settle("worker.frozen.after")

    async def crash_database(self) -> None:
        """An immediate stop; the supervisor starts it again."""
        with self.world.history.disturbed("database.crashed", settle_s=45.0):
            await self.cluster.crash()
            await asyncio.sleep(2.0)

    async def terminate(self, kind: str, statement: str) -> None:
        """Connections end in the middle of whatever they do."""
        with self.world.history.disturbed(kind, settle_s=45.0):
            await self.world.execute(statement)

    async def hold_database(self) -> None:
        """Nothing passes between the first server and the database."""
        with self.world.history.disturbed("database.held", settle_s=_SETTLE_S):
            self.database.stall()
            await asyncio.sleep(self._some_seconds())
            self.database.heal()

    async def lose(self, kind: str, pattern: str) -> None:
        """The reply to one commit of the first server is lost; the order stands until it is met or time is up."""
        with self.world.history.disturbed(kind, settle_s=45.0):
            self.database.lose_reply_to(pattern)
            try:
                async with asyncio.timeout(4):
                    await self.database.lost.wait()
            except TimeoutError:
                self.database.lose_nothing()

    async def hold_post(self) -> None:
        """Nothing passes between the programs and the mail server."""
        with self.world.history.disturbed("network.held", settle_s=_SETTLE_S):
            self.post.stall()
            await asyncio.sleep(self._some_seconds())
            self.post.heal()

    async def cut_post(self) -> None:
        """Conversations end after some hundred bytes: before, in or behind the message."""
        with self.world.history.disturbed("network.cut", settle_s=70.0):
            self.post.cut_after(self.chance.randrange(40, 9_000), "up")
            await asyncio.sleep(self._some_seconds())
            self.post.heal()

    async def misbehave(self, mode: Mode) -> None:
        """A misbehaving mail server; what failed is tried again a minute later by the product's own rule."""
        with self.world.history.disturbed(f"smtp.{mode}", settle_s=70.0):
            self.world.post.behave(mode)
            await asyncio.sleep(self._some_seconds())
            self.world.post.behave("ok")

    def _settle(self, kind: str) -> None:
        with self.world.history.disturbed(kind, settle_s=_SETTLE_S):
            pass
