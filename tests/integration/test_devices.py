"""A connected computer's life: refreshed through lost replies, shut out when copied, signed out by its person."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.pairing import Client, approved, paired, refreshing
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def refreshed(http: httpx.AsyncClient, token: str) -> dict[str, Any]:
    answer = await http.post("/oauth/token", data=refreshing(token))
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refused(http: httpx.AsyncClient, token: str) -> bool:
    answer = await http.post("/oauth/token", data=refreshing(token))
    return answer.status_code == 400 and answer.json()["error"] == "invalid_grant"


async def lives(http: Http, access_token: str) -> bool:
    return (await http(access_token).get(f"{API}/me")).status_code == 200


async def test_a_lost_reply_costs_nothing_however_late_it_is_noticed(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    first = await paired(server, crew.engineer, http())
    lost = await refreshed(http(), first["refresh_token"])
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = expires_at - interval '9 hours'")
    again = await refreshed(http(), first["refresh_token"])
    assert again["refresh_token"] == lost["refresh_token"], "the same successor, or the two would part ways"
    assert await lives(http, again["access_token"])
    onward = await refreshed(http(), again["refresh_token"])
    assert await lives(http, onward["access_token"])
    assert onward["refresh_token"] not in {first["refresh_token"], again["refresh_token"]}


async def test_a_computer_reads_since_when_it_is_connected(http: Http, server: Server, crew: Crew) -> None:
    """Shown beside its name in *About and diagnostics*; whoever is no such computer is not told of one."""
    before = datetime.now(UTC)
    tokens = await paired(server, crew.engineer, http())
    said = (await http(tokens["access_token"]).get(f"{API}/me")).json()
    assert said["device"]["name"]
    assert before - timedelta(minutes=1) < datetime.fromisoformat(said["device"]["connected_at"]) < datetime.now(UTC)
    assert said["server_version"]
    assert (await http(crew.engineer).get(f"{API}/me")).json()["device"] is None
    async with Forms(server) as forms:
        await forms.sign_in(crew.engineer)
        assert (await forms.http.get(f"{API}/me")).json()["device"] is None


async def test_many_refreshes_at_once_agree(http: Http, server: Server, crew: Crew) -> None:
    first, client = await paired(server, crew.engineer, http()), http()
    answers = await asyncio.gather(*(refreshed(client, first["refresh_token"]) for _ in range(30)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert await lives(http, (await refreshed(client, answers[0]["refresh_token"]))["access_token"])


async def test_a_token_that_was_replaced_and_comes_back_ends_the_device(http: Http, server: Server, crew: Crew) -> None:
    first = await paired(server, crew.engineer, http())
    second = await refreshed(http(), first["refresh_token"])
    third = await refreshed(http(), second["refresh_token"])
    async with listening(server, third["access_token"]) as stream:
        assert await refused(http(), first["refresh_token"])
        async with asyncio.timeout(8):  # before the next heartbeat; how soon: tests/trust/test_revocation.py
            assert (await stream.closed())[0] == 4401
    assert not await lives(http, third["access_token"])
    assert await refused(http(), third["refresh_token"])
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        page = await browser.get("/account/devices")
        assert "an old sign-in of this computer was used again" in page.text
        assert 'data-testid="device-revoke"' not in page.text


async def test_a_changed_server_key_does_not_lose_anybody(http: Http, start_server: StartServer, crew: Crew) -> None:
    """The pending successor is made anew with the new key; the token at hand is what counts."""
    one = await start_server(FLOWPILOT_SECRET_KEY="a" * 32)
    first = await paired(one, crew.engineer, http(at=one))
    lost = await refreshed(http(at=one), first["refresh_token"])
    other = await start_server(FLOWPILOT_SECRET_KEY="b" * 32)
    again = await refreshed(http(at=other), first["refresh_token"])
    assert again["refresh_token"] != lost["refresh_token"]
    await refreshed(http(at=other), again["refresh_token"])


async def test_no_refresh_outlives_the_absolute_end(http: Http, server: Server, crew: Crew, database_url: str) -> None:
    tokens = await paired(server, crew.engineer, http())
    days = await Owner(database_url).value("SELECT extract(day FROM expires_at - created_at) FROM device")
    assert days in {89, 90}
    before = await Owner(database_url).value("SELECT expires_at FROM device")
    tokens = await refreshed(http(), tokens["refresh_token"])
    assert await Owner(database_url).value("SELECT expires_at FROM device") == before
    await Owner(database_url).fetch("UPDATE device SET expires_at = now()")
    assert await refused(http(), tokens["refresh_token"])
    assert not await lives(http, tokens["access_token"])


async def test_an_access_token_ends_after_its_quarter_of_an_hour(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    tokens = await paired(server, crew.engineer, http())
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = now() - interval '1 second'")
    assert not await lives(http, tokens["access_token"])
    assert await lives(http, (await refreshed(http(), tokens["refresh_token"]))["access_token"])


async def test_a_deactivated_person_has_no_devices(http: Http, server: Server, crew: Crew, database_url: str) -> None:
    tokens = await paired(server, crew.engineer, http())
    async with listening(server, tokens["access_token"]) as stream:
        await Owner(database_url).fetch("UPDATE app_user SET active = false WHERE id = $1", crew.engineer.id)
        assert (await stream.closed())[0] == 4401
    assert not await lives(http, tokens["access_token"])
    assert await refused(http(), tokens["refresh_token"])


async def test_a_socket_outlives_its_access_token_only_with_the_next_one(
    http: Http, server: Server, crew: Crew, database_url: str
) -> None:
    tokens = await paired(server, crew.engineer, http())
    owner = Owner(database_url)
    soon = "UPDATE device_token SET expires_at = now() + interval '5 seconds'"
    await owner.fetch(soon)
    async with listening(server, tokens["access_token"]) as kept, listening(server, tokens["access_token"]) as left:
        onward = await refreshed(http(), tokens["refresh_token"])
        await kept.send(type="reauth", token=onward["access_token"])
        assert (await left.closed(within=30))[0] == 4401
        await kept.resume(0)
        await http(crew.technician).post(f"{API}/ai-sessions", json={"title": "x", "problem": "x"})
        assert (await kept.other("heartbeat"))["type"] == "heartbeat"


async def test_another_sign_ins_token_does_not_keep_a_socket(http: Http, server: Server, crew: Crew) -> None:
    mine, client = await paired(server, crew.engineer, http()), http()
    second = await paired(server, crew.engineer, client)
    for token in (second["access_token"], crew.second_engineer.token, crew.engineer.token, "fpda_x"):
        async with listening(server, mine["access_token"]) as stream:
            await stream.send(type="reauth", token=token)
            assert (await stream.closed())[0] == 4401


async def test_signing_a_computer_out_on_the_page_ends_everything_it_holds(
    http: Http, server: Server, crew: Crew
) -> None:
    tokens = await paired(server, crew.engineer, http(), Client(name="DANA-LT-04"))
    other = await paired(server, crew.engineer, http(), Client(name="DANA-HOME"))
    async with Forms(server) as browser, listening(server, tokens["access_token"]) as stream:
        await browser.sign_in(crew.engineer)
        page = await browser.get("/account/devices")
        assert page.text.count('data-testid="device-row"') == 2
        device_id = _row(page.text, "DANA-LT-04")
        done = await browser.post(f"/account/devices/{device_id}/revoke")
        assert done.status_code == 303
        async with asyncio.timeout(8):  # before the next heartbeat; how soon: tests/trust/test_revocation.py
            assert (await stream.closed())[0] == 4401
        page = await browser.get("/account/devices")
        assert "DANA-LT-04" not in page.text
        assert "DANA-HOME" in page.text
        assert (await browser.post(f"/account/devices/{device_id}/revoke")).status_code == 303, "twice is once"
    assert not await lives(http, tokens["access_token"])
    assert await refused(http(), tokens["refresh_token"])
    assert await lives(http, other["access_token"])
    with pytest.raises(InvalidStatus):
        async with listening(server, tokens["access_token"]):
            pass


def _row(page: str, name: str) -> str:
    before = page.split(name, 1)[0]
    return before.rsplit('data-device-id="', 1)[1].split('"', 1)[0]


async def test_a_socket_of_another_process_is_closed_within_two_seconds_too(
    http: Http, start_server: StartServer, crew: Crew
) -> None:
    here, there = await start_server(), await start_server()
    for _ in range(3):  # the machine may be busy for once; a promise that is broken each time is broken
        tokens = await paired(here, crew.engineer, http(at=here))
        async with listening(there, tokens["access_token"]) as stream:
            form = {"client_id": "flowpilot-tray", "token": tokens["refresh_token"]}
            assert (await http(at=here).post("/oauth/revoke", data=form)).status_code == 200
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.5):
                    assert (await stream.closed())[0] == 4401
                return
    pytest.fail("in none of three tries was it within 2.5 s")


async def test_nobody_signs_out_a_computer_of_somebody_else(
    http: Http, server: Server, crew: Crew, people: Callable[..., Awaitable[Crew]], database_url: str
) -> None:
    """Across accounts and inside one; ids that nobody has are answered the same."""
    theirs = await people("Contoso MSP")
    tokens = {who.email: await paired(server, who, http()) for who in (crew.engineer, theirs.engineer)}
    owner = Owner(database_url)
    ids = [str(row["id"]) for row in await owner.fetch("SELECT id FROM device")]
    before = await owner.fetch("SELECT * FROM device ORDER BY id")
    async with Forms(server) as browser:
        await browser.sign_in(crew.admin)
        listed = await browser.get("/account/devices")
        assert 'data-testid="device-empty"' in listed.text
        answers = [await browser.post(f"/account/devices/{one}/revoke") for one in (*ids, str(uuid4()), "x")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert await owner.fetch("SELECT * FROM device ORDER BY id") == before
    assert all([await lives(http, granted["access_token"]) for granted in tokens.values()])


async def test_an_administrator_signs_out_a_computer_of_the_account_and_of_no_other(
    http: Http, server: Server, crew: Crew, people: Callable[..., Awaitable[Crew]], database_url: str
) -> None:
    theirs = await people("Contoso MSP")
    ours, others = await paired(server, crew.engineer, http()), await paired(server, theirs.engineer, http())
    rows = await Owner(database_url).fetch("SELECT id, account_id FROM device")
    ids = {str(row["account_id"]): str(row["id"]) for row in rows}
    async with Forms(server) as admin, Forms(server) as senior:
        await admin.sign_in(crew.admin)
        assert crew.engineer.name in (await admin.get("/admin/devices")).text
        assert (await admin.post(f"/admin/devices/{ids[theirs.account_id]}/revoke")).status_code == 404
        await senior.sign_in(crew.second_engineer)
        await senior.get("/sessions")
        assert (await senior.post(f"/admin/devices/{ids[crew.account_id]}/revoke")).status_code == 403
        assert await lives(http, ours["access_token"])
        assert (await admin.post(f"/admin/devices/{ids[crew.account_id]}/revoke")).status_code == 303
    assert not await lives(http, ours["access_token"])
    assert await lives(http, others["access_token"])


async def test_the_browser_of_the_pairing_opens_claims_without_a_question_until_the_computer_is_signed_out(
    http: Http, server: Server, crew: Crew
) -> None:
    client = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        browser.http.cookies.delete("fp_browser")  # what is left is what the pairing itself gives
        code = await approved(browser, client)
        tokens = (await http().post("/oauth/token", data=client.redemption(code))).json()
        await browser.get("/sessions")
        await browser.post("/sign-out")
        opened = await browser.post("/go", ticket=await ticket(http, crew, tokens["access_token"]))
        assert opened.status_code == 303
        assert opened.headers["location"].startswith("/pilot/")
        await browser.get("/account/devices")
        await browser.post(f"/account/devices/{_row(browser.page, 'DANA-LT-04')}/revoke")
        await browser.post("/sign-out")
        asked = await browser.post("/go", ticket=await ticket(http, crew, crew.engineer.token))
        assert asked.status_code == 200
        assert "Continue as" in asked.text


async def ticket(http: Http, crew: Crew, token: str) -> str:
    junior = http(crew.technician)
    session = (await junior.post(f"{API}/ai-sessions", json={"title": "VPN", "problem": "Drops"})).json()
    made = await junior.post(f"{API}/ai-sessions/{session['id']}/handoff", json={"reason": "No access"})
    claimed = await http(token).post(f"{API}/handoffs/{made.json()['id']}/claim")
    address: str = claimed.json()["open_url"]
    return urlsplit(address).fragment.removeprefix("t=")


async def test_a_ticket_of_a_computer_dies_with_it(http: Http, server: Server, crew: Crew) -> None:
    tokens = await paired(server, crew.engineer, http())
    minted = await ticket(http, crew, tokens["access_token"])
    await http().post("/oauth/revoke", data={"client_id": "flowpilot-tray", "token": tokens["refresh_token"]})
    async with Forms(server) as browser:
        assert (await browser.post("/go", ticket=minted, explicit="1")).status_code == 403


async def test_the_menu_leads_to_the_computers(server: Server, crew: Crew) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.viewer)
        assert 'href="/account/devices"' in (await browser.get("/sessions")).text
        assert "No computer is connected." in (await browser.get("/account/devices")).text
