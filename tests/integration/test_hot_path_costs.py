"""What the hot paths cost, counted: a statement too many is a wait for everybody, at every claim, from then on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from benchmarks.usage import Usage
from tests.support.flow import API, REASON, claimed, escalated, open_session
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.tcp_proxy import PgProxy

People = Callable[..., Awaitable[Crew]]
Ask = Callable[[], Awaitable[httpx.Response]]
CALLER = "auth_scoped_token"
_TIMES = 4
_PAGES = 60


class Shop(NamedTuple):
    crew: Crew
    server: Server
    wire: PgProxy

    def of(self, who: Member) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {who.token}"}
        return httpx.AsyncClient(base_url=self.server.url, headers=headers, trust_env=False, timeout=30)

    async def statements(self, ask: Ask) -> list[str]:
        """What one request asks of the database: the least of some, as other work of the server's goes on."""
        found = []
        for _ in range(_TIMES):
            before = len(self.wire.carried_out)
            answer = await ask()
            assert answer.is_success, answer.text
            found.append(self.wire.carried_out[before:])
        return min(found, key=len)


@pytest.fixture
async def shop(people: People, database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    crew = await people()
    async with PgProxy(database_url) as wire:
        server = Server(wire.url, tmp_path / "server", environment={"FLOWPILOT_WORKER": "off"})
        await asyncio.to_thread(server.start)
        try:
            yield Shop(crew, server, wire)
        finally:
            await asyncio.to_thread(server.stop)


async def test_the_hot_paths_wait_for_the_database_a_few_times_and_cost_the_server_little(shop: Shop) -> None:
    """One server for both questions."""
    await _few_statements(shop)
    await _a_cheap_queue(shop)


async def _few_statements(shop: Shop) -> None:
    """Who is calling is one call; the rest is what the request is about."""
    async with shop.of(shop.crew.technician) as junior, shop.of(shop.crew.engineer) as senior:
        sessions = [await open_session(junior, f"Case {n}") for n in range(_TIMES)]
        waiting = [(await escalated(junior, f"Waits {n}"))["id"] for n in range(_TIMES)]
        held = (await escalated(junior, "Held"))["id"]
        await claimed(senior, held)
        kept = iter(sessions), iter(waiting)

        async def escalate() -> httpx.Response:
            return await junior.post(f"{API}/ai-sessions/{next(kept[0])}/handoff", json={"reason": REASON})

        async def claim() -> httpx.Response:
            return await senior.post(f"{API}/handoffs/{next(kept[1])}/claim")

        requests: dict[str, tuple[Ask, list[str]]] = {
            "escalate": (escalate, [CALLER, "session_whole", "escalate_handoff", "handoff_whole"]),
            "claim": (claim, [CALLER, "claim_handoff", "handoff_whole", "keep_ticket"]),
            "queue": (lambda: senior.get(f"{API}/handoffs"), [CALLER, "queue_page"]),
            "hand-off": (lambda: senior.get(f"{API}/handoffs/{held}"), [CALLER, "handoff_whole"]),
            "session": (lambda: junior.get(f"{API}/ai-sessions/{sessions[0]}"), [CALLER, "session_whole"]),
        }
        for name, (ask, expected) in requests.items():
            found = [text for text in await shop.statements(ask) if "pg_notify" not in text]  # goes after the answer
            assert len(found) == len(expected), f"{name}: {found}"
            for text, function in zip(found, expected, strict=True):
                assert f"{function}(" in text, f"{name}: {found}"


async def _a_cheap_queue(shop: Shop) -> None:
    """Processor time beside processor time of the same run: a slow or busy machine changes both."""
    async with shop.of(shop.crew.technician) as junior, shop.of(shop.crew.engineer) as senior:
        for n in range(6):
            await escalated(junior, f"Waits {n}")

        async def used(path: str) -> float:
            for _ in range(5):
                await senior.get(path)
            before = Usage.of(shop.server.pid).cpu_s
            for _ in range(_PAGES):
                assert (await senior.get(path)).is_success
            return Usage.of(shop.server.pid).cpu_s - before

        floor, queue = await used(f"{API}/me"), await used(f"{API}/handoffs")
        assert queue < 4 * floor + 0.05, f"{queue:.2f} s for {_PAGES} pages, {floor:.2f} s for as many callers"
