"""What PSAs tell us: only what is signed counts, once, and a note written in the PSA is the claimer's first action."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.db.engine import Database
from tests.support.flow import API, claimed, escalate, refused
from tests.support.hook_desk import until
from tests.support.people import Crew
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import SIGNING_KEY, ConnectWiseServer
from tests.support.psa_desk import SERVED, PsaDesk, psa_desk
from tests.support.psa_halo import HaloServer
from tests.support.psa_server import PsaServer
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


@pytest.fixture(scope="module")
def running(serve_module: Callable[..., Server]) -> Server:
    return serve_module(**SERVED)


@pytest.fixture(params=[ConnectWiseServer, HaloServer, AutotaskServer], ids=["connectwise", "halo", "autotask"])
async def psa(request: pytest.FixtureRequest) -> AsyncIterator[PsaServer]:
    async with request.param() as one:
        yield one


@pytest.fixture
async def desk(
    people: People, running: Server, database: Database, database_url: str, psa: PsaServer
) -> AsyncIterator[PsaDesk]:
    async with psa_desk(running, await people(), database, database_url, psa) as made:
        yield made


def told(desk: PsaDesk, *, secret: str | None = None, **more: Any) -> tuple[dict[str, str], bytes]:
    """Headers and body as the vendor sends them, signed with the right secret unless another is given."""
    if desk.psa.system == "connectwise":
        key = {"metadata": {"key_url": f"{desk.psa.url}/v2024_1/auth/key-1"}}
        body = json.dumps({"Action": "updated", "ID": 48213, "Type": "ticket", **key, **more}).encode()
        signing = hashlib.sha256((secret or SIGNING_KEY).encode()).digest()
        digest = base64.b64encode(hmac.digest(signing, body, hashlib.sha256)).decode()
        return {"x-content-signature": digest}, body
    if desk.psa.system == "halo":
        body = json.dumps({"event": "New Action", "ticket": {"id": 48213}, **more}).encode()
        pair = base64.b64encode(f"flowpilot:{secret or desk.hook_secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, body
    note = {"Action": "Create", "EntityType": "TicketNote", "Id": 7, "Fields": {"TicketID": 48213}}
    body = json.dumps({**note, **more}).encode()
    digest = base64.b64encode(hmac.digest((secret or desk.hook_secret).encode(), body, hashlib.sha1)).decode()
    return {"X-Hook-Signature": f"sha1={digest}"}, body


async def tell(desk: PsaDesk, running: Server, signed: tuple[dict[str, str], bytes]) -> httpx.Response:
    path = desk.connector["hook_url"].partition("/hooks/")[2]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.post(f"{running.url}/hooks/{path}", headers=signed[0], content=signed[1])


async def held(desk: PsaDesk) -> str:
    handoff = (await escalate(desk.junior, await desk.session())).json()
    await claimed(desk.senior, handoff["id"])
    return str(handoff["id"])


async def first_action(desk: PsaDesk, handoff: str) -> tuple[str | None, str | None]:
    found = (await desk.senior.get(f"{API}/handoffs/{handoff}")).json()
    return found["first_action_kind"], found["first_action_at"]


async def looked(desk: PsaDesk) -> int:
    number: int = await desk.owner.value("SELECT count(*) FROM job WHERE kind = 'psa_seen'")
    return number


async def test_a_note_that_the_claimer_writes_in_the_psa_is_their_first_action(desk: PsaDesk, running: Server) -> None:
    handoff = await held(desk)
    ticket = desk.psa.tickets[48213]
    at = datetime.now(UTC) + timedelta(seconds=1)
    desk.psa.save(ticket, "Somebody else's", public=False, author=7)
    desk.psa.save(ticket, "Looked at the firewall", public=False, author=11).at = at
    assert (await tell(desk, running, told(desk))).status_code == 204

    async def acted() -> tuple[str | None, str | None]:
        return await first_action(desk, handoff)

    kind, when = await until(acted, lambda found: found[0] is not None)
    assert kind == "psa_note"
    assert when is not None
    assert abs((datetime.fromisoformat(when) - at).total_seconds()) <= 1.5, "when it was written, not when we heard"


async def test_an_older_note_and_one_of_another_member_are_no_first_action(desk: PsaDesk, running: Server) -> None:
    ticket = desk.psa.tickets[48213]
    desk.psa.save(ticket, "Before", public=False, author=11).at = datetime.now(UTC) - timedelta(minutes=5)
    handoff = await held(desk)
    desk.psa.save(ticket, "Not the claimer", public=False, author=7)
    assert (await tell(desk, running, told(desk))).status_code == 204
    await until(lambda: looked(desk), lambda number: number == 0)
    assert await first_action(desk, handoff) == (None, None)


async def test_what_is_not_signed_is_not_listened_to(desk: PsaDesk, running: Server) -> None:
    await held(desk)
    wrong = told(desk, secret="guessed")
    right = told(desk)
    altered = (right[0], right[1].replace(b"48213", b"48214"))
    bare: tuple[dict[str, str], bytes] = ({}, right[1])
    tries = [wrong, bare] if desk.psa.system == "halo" else [wrong, altered, bare]  # HaloPSA signs no bodies
    for one in tries:
        refused(await tell(desk, running, one), 401, "unauthenticated")
    assert await desk.owner.value("SELECT count(*) FROM psa_heard") == 0


async def test_the_same_is_heard_once(desk: PsaDesk, running: Server) -> None:
    signed = told(desk)
    for _ in range(3):
        assert (await tell(desk, running, signed)).status_code == 204
    assert await desk.owner.value("SELECT count(*) FROM psa_heard") == 1


async def test_a_new_hook_secret_ends_the_old_one(desk: PsaDesk, running: Server) -> None:
    if desk.psa.system == "connectwise":
        pytest.skip("ConnectWise signs with a key of its own")
    answer = await desk.admin.post(f"{desk.url}/hook-secret")
    fresh = answer.json()["hook_secret"]
    assert fresh != desk.hook_secret
    refused(await tell(desk, running, told(desk)), 401, "unauthenticated")
    assert (await tell(desk, running, told(desk, secret=fresh))).status_code == 204


async def test_connectwises_key_is_asked_of_the_tenants_own_site_only(desk: PsaDesk, running: Server) -> None:
    if desk.psa.system != "connectwise":
        pytest.skip("others name no address")
    other: dict[str, Any] = {
        "metadata": {"key_url": desk.psa.url.replace("127.0.0.1", "127.0.0.2") + "/v2024_1/auth/key-1"}
    }
    refused(await tell(desk, running, told(desk, **other)), 401, "unauthenticated")
    assert not any("/auth/" in one.path for one in desk.psa.asked)
