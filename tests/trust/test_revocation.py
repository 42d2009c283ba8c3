"""A sign-in that has ended is worth nothing: to requests at once, to open sockets and live pages within two seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from websockets.exceptions import InvalidStatus

from backend.db.engine import Database
from tests.conftest import Http
from tests.support.flow import API, Owner, escalated, open_session, refused
from tests.support.people import Crew, Member, add_member
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
SOON_S: Final = 2.0
WITHOUT_BUS_S: Final = 30.0
TRIES: Final = 3
"""The machine may be busy for once; a promise that is broken each time is broken."""


@pytest.fixture(scope="module")
def deaf(serve_module: Callable[..., Server]) -> Server:
    """A process that hears nothing of the others: its bus is away."""
    return serve_module(FLOWPILOT_EVENT_BUS="nats://127.0.0.1:1", FLOWPILOT_WORKER="off")


@pytest.fixture
async def at_work(people: People, database: Database, database_url: str) -> tuple[Crew, list[Member]]:
    """A crew, and seniors who each have a token to lose."""
    crew = await people()
    seniors = [await add_member(database, crew, name=f"Senior {one}", role="engineer") for one in range(TRIES)]
    await Owner(database_url).fetch(
        "UPDATE app_user SET password_hash = (SELECT password_hash FROM app_user WHERE id = $1::uuid)"
        " WHERE password_hash IS NULL",
        crew.owner.id,
    )
    return crew, seniors


async def ends(browser: Forms, who: Member, database_url: str) -> None:
    """Their token is ended on their own page."""
    await browser.sign_in(who)
    token_id = await Owner(database_url).value("SELECT id FROM access_token WHERE user_id = $1::uuid", who.id)
    await browser.get("/account/security")
    answer = await browser.post(f"/account/security/tokens/{token_id}/end")
    assert answer.status_code == 303, answer.text


@asynccontextmanager
async def reading(at: Server, who: Member, http: Http, path: str) -> AsyncIterator[asyncio.Task[bytes]]:
    """A live page that is open; done when the server ends it."""
    async with http(who, at=at).stream("GET", path) as answer:
        assert answer.status_code == 200
        to_its_end = asyncio.create_task(answer.aread())
        try:
            yield to_its_end
        finally:
            to_its_end.cancel()


async def took(at: Server, by: Server, crew: Crew, who: Member, http: Http, database_url: str) -> float:
    """Seconds from the end of the token, pressed at one server, to the end of its socket and live page at another."""
    colleague = http(crew.technician, at=at)
    session = f"{API}/ai-sessions/{await open_session(colleague)}"
    async with (
        Forms(by) as browser,
        listening(at, who) as socket,
        reading(at, who, http, f"{session}/stream") as page,
    ):
        await ends(browser, who, database_url)
        begun = time.monotonic()
        refused(await http(who, at=at).get(f"{API}/me"), 401, "unauthenticated")
        refused(await http(who, at=by).get(f"{API}/me"), 401, "unauthenticated")
        code, _ = await socket.closed(within=WITHOUT_BUS_S)
        assert code == 4401
        async with asyncio.timeout(WITHOUT_BUS_S):
            while not page.done():  # colleagues go on writing into the session, so the page is never quiet
                await colleague.post(f"{session}/messages", json={"content": "Not for whoever has left"})
                await asyncio.wait({page}, timeout=0.2)
        lasted = time.monotonic() - begun
    with pytest.raises(InvalidStatus) as at_the_door:
        async with listening(at, who):
            pass
    assert at_the_door.value.response.status_code == 401
    return lasted


async def test_an_ended_token_closes_its_socket_and_its_page_within_two_seconds_and_no_other(
    at_work: tuple[Crew, list[Member]], server: Server, http: Http, database_url: str
) -> None:
    crew, seniors = at_work
    async with listening(server, crew.second_engineer) as stays:
        await stays.resume(0)
        for who in seniors:
            if await took(server, server, crew, who, http, database_url) <= SOON_S:
                break
        else:
            pytest.fail(f"in none of {TRIES} tries was it within {SOON_S} s")
        await escalated(http(crew.technician))
        await stays.event()


async def test_with_the_bus_away_another_process_ends_both_all_the_same(
    at_work: tuple[Crew, list[Member]], server: Server, deaf: Server, http: Http, database_url: str
) -> None:
    crew, (who, *_) = at_work
    assert await took(deaf, server, crew, who, http, database_url) <= WITHOUT_BUS_S
