"""Mail, webhook, AI and readers of the stream hang, all at once: escalate and claim do not notice."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from statistics import median

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.flow import API
from tests.support.listener import end_listening
from tests.support.people import Member
from tests.support.recorded import Hand
from tests.support.server import Server
from tests.support.stream import PATH, bearer
from tests.support.world import World

ROUNDS = 8
AT_LEAST_S = 0.5
"""Noise of a busy machine; a hanging dependency would cost seconds (10 s for a step of mail, 12 s for a client)."""


@contextlib.asynccontextmanager
async def black_hole() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await end_listening(server)
        for writer in held:
            writer.transport.abort()


async def timed(junior: Hand, senior: Hand) -> tuple[float, float]:
    """Medians of escalate and claim, in seconds; every one of them must succeed."""
    asked: list[float] = []
    claimed: list[float] = []
    for _ in range(ROUNDS):
        session = await junior.session()
        assert session is not None
        made = await junior.escalate(session)
        assert (made.outcome, made.code) == ("ok", "created")
        assert made.handoff is not None
        assert made.answered is not None
        claim = await senior.claim(made.handoff)
        assert (claim.outcome, claim.code) == ("ok", "claimed")
        assert claim.answered is not None
        asked.append(made.answered - made.invoked)
        claimed.append(claim.answered - claim.invoked)
    return median(asked), median(claimed)


@contextlib.asynccontextmanager
async def deaf_readers(server: Server, who: Member, count: int) -> AsyncIterator[None]:
    """Sockets of the event stream that ask for everything and read nothing, behind the smallest buffers there are."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            end = socket.socket()
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            end.connect(("127.0.0.1", server.port))
            end.setblocking(False)
            url = server.url.replace("http", "ws", 1) + PATH
            one = await connect(url, sock=end, additional_headers=bearer(who), compression=None, max_queue=1)
            stack.callback(one.transport.abort)
            await one.send('{"type":"resume","after":0}')
        yield


async def everything_assessed(server: Server, who: Member) -> None:
    """No hand-off stays on "in progress" because the model hangs: each has an assessment, or the reason why not."""
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=bearer(who)) as client, asyncio.timeout(90):
        while True:
            page = await client.get(f"{server.url}{API}/handoffs", params={"status": "all", "limit": 200})
            if all(row["assessment_status"] != "pending" for row in page.json()["items"]):
                return
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
async def test_nothing_that_hangs_slows_or_fails_escalate_and_claim(world: World) -> None:
    """A mail server that does not answer must never be why a junior waits or a senior's claim is refused."""
    world.email_after_s = 0.0
    async with black_hole() as hole:
        server = await world.server(
            FLOWPILOT_WEBHOOK_ALLOW_PRIVATE="on",
            FLOWPILOT_LLM_BASE_URL=f"http://127.0.0.1:{hole}/v1",
            FLOWPILOT_LLM_MODEL="none",
            FLOWPILOT_LLM_TIMEOUT_S="2",
        )
        crew = await world.account()
        junior, senior = world.hand(crew, crew.technician, server), world.hand(crew, crew.engineer, server)
        healthy = await timed(junior, senior)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            made = await client.post(
                f"{server.url}{API}/account/webhooks",
                json={"name": "Hangs", "url": f"http://127.0.0.1:{hole}/hook"},
                headers=bearer(crew.admin),
            )
            assert made.status_code == httpx.codes.CREATED, made.text
        world.post.behave("tarpit_greeting")
        async with deaf_readers(server, crew.second_engineer, 4):
            with world.history.disturbed("everything.hangs"):
                hanging = await timed(junior, senior)
        world.post.behave("ok")
    for name, before, now in zip(("escalate", "claim"), healthy, hanging, strict=True):
        assert now < max(4 * before, AT_LEAST_S), f"{name} took {now:.3f} s, and {before:.3f} s when all was well"
        await everything_assessed(server, crew.engineer)
    await world.quiet("email")
    await world.judge()
