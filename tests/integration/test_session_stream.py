"""The live session page: server-sent events in order, resumed by version, ended with the sign-in."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from backend.sessions.stream import STREAMS_PER_USER
from tests.conftest import Http, StartServer
from tests.support.flow import API, claimed, escalate, open_session, refused
from tests.support.people import Crew
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


class Page:
    """Reads server-sent events."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[int, str, Any]:
        """(version, event, data) of the next event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            async for line in self._lines:
                if not line and "event" in fields:
                    return int(fields["id"]), fields["event"], json.loads(fields["data"])
                name, _, value = line.partition(": ")
                fields[name] = value
        raise AssertionError("the stream ended")


@contextlib.asynccontextmanager
async def page(client: httpx.AsyncClient, session_id: str, **options: Any) -> AsyncIterator[Page]:
    async with client.stream("GET", f"{API}/ai-sessions/{session_id}/stream", **options) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Page(answer.aiter_lines())


async def test_what_others_write_arrives_live_from_any_process(
    people: People, server: Server, start_server: StartServer, http: Http
) -> None:
    other = await start_server()
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer, at=other)
    session_id = await open_session(junior)
    base = f"{API}/ai-sessions/{session_id}"
    async with page(http(crew.viewer), session_id) as live:
        await senior.post(f"{base}/messages", json={"content": "Have you tried the other link?"})
        version, kind, data = await live.next()
        assert (version, kind, data["content"]) == (1, "message", "Have you tried the other link?")
        assert data["author"]["id"] == crew.engineer.id
        assert (await live.next())[1:] == ("session", {"status": "active", "version": 1})
        await senior.post(f"{base}/steps", json={"action": "Switched", "outcome": "worked"})
        assert (await live.next())[1] == "step"
        await live.next()
        handoff = (await escalate(junior, session_id)).json()
        assert (await live.next())[2]["status"] == "escalated"
        await claimed(senior, handoff["id"])
        assert (await live.next())[2]["status"] == "claimed"
    async with page(junior, session_id, headers={"Last-Event-ID": "1"}) as again:
        assert (await again.next())[1] == "step", "what was seen is not sent again"


async def test_a_stream_of_what_is_not_there_is_refused_before_it_begins(people: People, http: Http) -> None:
    crew = await people()
    for wrong in (str(uuid4()), "x"):
        refused(await http(crew.engineer).get(f"{API}/ai-sessions/{wrong}/stream"), 404, "not_found")
    refused(await http().get(f"{API}/ai-sessions/{uuid4()}/stream"), 401, "unauthenticated")


async def test_one_user_opens_so_many_live_pages_and_no_more(people: People, http: Http) -> None:
    """A program that opens pages without end would take the server's connections from everyone."""
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    async with contextlib.AsyncExitStack() as pages:
        for _ in range(STREAMS_PER_USER):
            await pages.enter_async_context(page(junior, session_id))
        path = f"{API}/ai-sessions/{session_id}/stream"
        refused(await junior.get(path), 429, "too_many_requests")
        async with page(http(crew.engineer), session_id):
            pass  # others are not held up
    async with asyncio.timeout(60):
        while True:  # closing is noticed by the server a little later
            async with junior.stream("GET", path) as answer:
                if answer.status_code == 200:
                    break
