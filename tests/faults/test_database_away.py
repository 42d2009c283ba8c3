"""The database goes away in the middle of the day: plain 503s, a readiness that says no, and recovery without hands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx
import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, act, escalate, escalated, open_session, refused
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]


class Switch:
    """Takes a database off the net and puts it back: no connections, all present ones cut."""

    def __init__(self, admin: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
        self._admin, self._name = admin, name

    async def cut(self) -> None:
        """Cut every connection; they may come back at once."""
        await self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self._name
        )

    async def off(self) -> None:
        """Away."""
        await self._admin.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        await self.cut()

    async def on(self) -> None:
        """Back."""
        await self._admin.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")


@pytest.fixture
async def switch(database_url: str, cluster_url: str) -> AsyncIterator[Switch]:
    admin = await asyncpg.connect(cluster_url)
    one = Switch(admin, database_url.partition("@/")[2].partition("?")[0])
    yield one
    await one.on()
    await admin.close()


async def becomes(client: httpx.AsyncClient, status: int) -> None:
    async with asyncio.timeout(30):
        while (await client.get("/readyz")).status_code != status:  # noqa: ASYNC110 - readiness can only be asked for
            await asyncio.sleep(0.1)


async def test_while_it_is_away_every_answer_is_a_plain_503_and_afterwards_all_works(
    people: People, start_server: StartServer, http: Http, switch: Switch
) -> None:
    server = await start_server()
    crew = await people()
    junior, senior = http(crew.technician, at=server), http(crew.engineer, at=server)
    before = await escalated(junior)
    session_id = await open_session(junior)
    async with listening(server, crew.second_engineer) as client:
        await client.resume(0)
        await client.event()
        await switch.off()
        for answer in (
            await escalate(junior, session_id, key="k"),
            await act(senior, before["id"], "claim"),
            await junior.get(f"{API}/handoffs"),
            await junior.get(f"{API}/ai-sessions"),
            await junior.get(f"{API}/me"),
            await junior.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "Hello"}),
        ):
            refused(answer, 503, "database_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        await becomes(junior, 503)
        assert (await junior.get("/healthz")).status_code == 200, "the process itself is well"
        await switch.on()
        await becomes(junior, 200)
        again = await escalate(junior, session_id, key="k")
        assert again.status_code == 201, "what was answered 503 was not kept; the same key makes it now"
        event = await client.event("handoff.created")
        assert event["data"]["handoff_id"] == again.json()["id"], "the open socket goes on by itself"
    assert "failed, reference" not in server.logs, "a database that is away is no fault of the program"


async def test_a_receipt_that_could_not_be_kept_closes_the_socket_so_that_it_is_sent_again(
    people: People, start_server: StartServer, http: Http, switch: Switch
) -> None:
    """Dropped in silence, it would leave the junior without the word that a senior has seen the alert."""
    server = await start_server()
    crew = await people()
    junior = http(crew.technician, at=server)
    handoff = (await escalated(junior))["id"]
    async with listening(server, crew.engineer) as desktop:
        await switch.off()
        await desktop.send(type="receipt", handoff_id=handoff, state="shown")
        code, _ = await desktop.closed()
        assert code == 1012
    await switch.on()
    await becomes(junior, 200)
    async with listening(server, crew.engineer) as desktop:
        await desktop.resume(1)
        await desktop.send(type="receipt", handoff_id=handoff, state="shown")
        assert (await desktop.event("handoff.delivery"))["data"]["state"] == "shown"
    assert "fault in the program" not in server.logs


async def test_cut_connections_in_the_middle_of_work_are_503_at_worst(
    people: People, start_server: StartServer, http: Http, switch: Switch
) -> None:
    """A failover cuts every connection at once; nobody may see a 500, nothing may be kept twice."""
    server = await start_server()
    crew = await people()
    junior = http(crew.technician, at=server)
    sessions = [await open_session(junior, f"s{n}") for n in range(24)]
    seen: list[int] = []

    async def ask(session_id: str) -> str:
        while True:
            answer = await escalate(junior, session_id, key=session_id)
            seen.append(answer.status_code)
            if answer.status_code in {200, 201}:
                handoff_id: str = answer.json()["id"]
                return handoff_id
            refused(answer, 503, "database_unavailable")
            await asyncio.sleep(0.05)

    async def failovers() -> None:
        for _ in range(6):
            await asyncio.sleep(0.1)
            await switch.cut()

    async def ask_all(mine: list[str]) -> list[str]:
        return [await ask(session_id) for session_id in mine]

    found, *_ = await asyncio.gather(
        asyncio.gather(ask_all(sessions[:8]), ask_all(sessions[8:16]), ask_all(sessions[16:])), failovers()
    )
    made = {handoff_id for part in found for handoff_id in part}
    assert len(made) == len(sessions)
    page = (await junior.get(f"{API}/handoffs", params={"limit": 200})).json()
    assert {row["id"] for row in page["items"]} == made
    assert set(seen) <= {200, 201, 503}


async def test_a_database_that_is_not_migrated_is_not_ready(
    start_server: StartServer, http: Http, database_url: str
) -> None:
    server: Server = await start_server()
    connection = await asyncpg.connect(database_url)
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '0000'")
        answer = await http(at=server).get("/readyz")
        assert (answer.status_code, "migrate" in answer.json()["reason"]) == (503, True)
    finally:
        await connection.execute("UPDATE alembic_version SET version_num = $1", version)
        await connection.close()
