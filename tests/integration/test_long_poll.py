"""`GET /events?wait=` where WebSocket cannot pass: the same reader."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from backend.feed.poll import POLLS_PER_USER
from tests.conftest import Http
from tests.support.flow import API, Owner, escalated, log_of, refused
from tests.support.pairing import paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


async def test_a_waiting_poll_answers_as_soon_as_something_happens(people: People, http: Http) -> None:
    crew = await people()
    reader = http(crew.engineer)
    poll = asyncio.create_task(reader.get(f"{API}/events", params={"after": 0, "wait": 25}))
    await asyncio.sleep(0.3)
    assert not poll.done()
    started = time.monotonic()
    handoff = await escalated(http(crew.technician))
    page = (await poll).json()
    assert time.monotonic() - started < 15, "it waited for its time to be up instead of for the event"
    assert [event["data"]["handoff_id"] for event in page["events"]] == [handoff["id"]]
    assert (page["head"], page["reset"]) == (1, False)


async def test_a_poll_without_news_answers_empty_when_its_time_is_up(people: People, http: Http) -> None:
    crew = await people()
    page = (await http(crew.viewer).get(f"{API}/events", params={"after": 0, "wait": 0.2})).json()
    assert (page["events"], page["head"], page["reset"]) == ([], 0, False)


async def test_pages_follow_one_another_without_gap(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    for _ in range(7):
        await escalated(junior)
    seen, after = [], 0
    while True:
        page = (await junior.get(f"{API}/events", params={"after": after, "limit": 3})).json()
        assert page["head"] == 7
        if not page["events"]:
            break
        assert len(page["events"]) <= 3
        seen += [event["seq"] for event in page["events"]]
        after = seen[-1]
    assert seen == [event["seq"] for event in await log_of(junior)] == list(range(1, 8))


async def test_parameters_out_of_bounds_are_named(people: People, http: Http) -> None:
    crew = await people()
    reader = http(crew.viewer)
    for wrong in ({"after": -1}, {"after": "x"}, {"after": 0, "wait": 26}, {"after": 0, "limit": 0}):
        refused(await reader.get(f"{API}/events", params=wrong), 422, "invalid_body")
    far = (await reader.get(f"{API}/events", params={"after": 10**30})).json()
    assert far["reset"] is True


async def test_whoever_reads_by_requests_and_shows_alerts_counts_as_connected_and_tells_receipts(
    people: People, http: Http, database_url: str
) -> None:
    """Behind a proxy without WebSocket a senior is mailed at once, as one without a client, if this does not hold."""
    crew, owner = await people(), Owner(database_url)
    senior, junior = http(crew.engineer), http(crew.technician)
    await senior.get(f"{API}/events", params={"after": 0})
    assert await owner.fetch("select from client_presence") == []
    for _ in range(2):
        await senior.get(f"{API}/events", params={"after": 0, "present": True})
    [here] = await owner.fetch("select user_id::text, channel from client_presence")
    assert tuple(here) == (crew.engineer.id, "desktop")
    address = f"{API}/handoffs/{(await escalated(junior))['id']}/receipts"
    for _ in range(2):
        assert (await senior.post(address, json={"state": "shown", "rung": 0})).status_code == 204
    refused(await junior.post(address, json={"state": "shown", "rung": 0}), 403, "role_required")
    told = [e["data"] for e in await log_of(senior) if e["kind"] == "handoff.delivery"]
    assert [(d["user"]["id"], d["channel"], d["state"]) for d in told] == [(crew.engineer.id, "desktop", "shown")]
    refused(await senior.post(address, json={"state": "seen"}), 422, "invalid_body")


async def test_a_waiting_poll_ends_when_its_sign_in_does(people: People, http: Http, server: Server) -> None:
    crew = await people()
    tokens = await paired(server, crew.engineer, http())
    ask = {"after": 0, "wait": 25, "present": True}
    async with Forms(server) as browser:
        await browser.sign_in(crew.viewer)
        await browser.get("/sessions")
        poll = asyncio.create_task(http(tokens["access_token"]).get(f"{API}/events", params=ask))
        page = asyncio.create_task(browser.http.get(f"{API}/events", params=ask))
        await asyncio.sleep(0.3)
        assert not poll.done()
        form = {"client_id": "flowpilot-tray", "token": tokens["refresh_token"]}
        assert (await http().post("/oauth/revoke", data=form)).status_code == 200
        async with asyncio.timeout(20):
            refused(await poll, 401, "unauthenticated")
        assert not page.done()
        assert (await browser.post("/sign-out")).status_code == 303
        async with asyncio.timeout(20):
            refused(await page, 401, "unauthenticated")


async def test_one_user_has_so_many_polls_waiting_and_no_more(people: People, http: Http) -> None:
    """A program that asks without end would hold a task and a feed for each request, until nobody gets an answer."""
    crew = await people()
    reader, ask = http(crew.engineer), {"after": 0, "wait": 25}
    waiting = [asyncio.create_task(reader.get(f"{API}/events", params=ask)) for _ in range(POLLS_PER_USER + 1)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    problem = await done.pop()
    refused(problem, 429, "too_many_requests")
    assert int(problem.headers["retry-after"]) >= 1
    assert (await reader.get(f"{API}/events", params={"after": 0})).status_code == 200, "one that does not wait passes"
    other = await http(crew.viewer).get(f"{API}/events", params={"after": 0, "wait": 0.1})
    assert other.status_code == 200, "others are not held up"
    await escalated(http(crew.technician))
    answers = sorted([answer.status_code for answer in await asyncio.gather(*waiting)])
    assert answers == [200] * POLLS_PER_USER + [429]
    again = await reader.get(f"{API}/events", params={"after": 1, "wait": 0.1})
    assert again.status_code == 200, "those that have ended count no more"
