"""Nothing crosses accounts: every route with another account's ids answers 404 and changes nothing, for every role.

The routes come from the table of all routes, `tests/support/routes.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalate, escalated, log_of, open_session
from tests.support.people import Crew
from tests.support.routes import EXPECTED
from tests.support.server import Server
from tests.support.stream import listening

# Bodies of routes whose id stands in the path, as their own account would send them. The table has every route that is
# served (tests/trust/test_roles.py); pages and forms are replayed in tests/trust/test_foreign_ids.py.
BODIES: dict[tuple[str, str], dict[str, Any] | None] = {
    (verb, path.removeprefix(API)): one.json
    for (verb, path), one in EXPECTED.items()
    if path.startswith(API) and "{" in path
}
NOBODYS = str(uuid4())


@dataclass(frozen=True, slots=True)
class World:
    """Two accounts, each with a pending, a claimed, a resolved handoff, a session without one and a webhook."""

    ours: Crew
    theirs: Crew
    sessions: list[str]
    handoffs: list[str]
    webhooks: list[str]
    notices: list[str]
    entries: dict[str, str]

    def address(self, path: str, number: int) -> str:
        """The path with ids of their things."""
        return API + path.format(
            session_id=self.sessions[number % len(self.sessions)],
            handoff_id=self.handoffs[number % len(self.handoffs)],
            webhook_id=self.webhooks[0],
            delivery_id=self.notices[0],
            **self.entries,
        )

    def things(self, path: str) -> int:
        """How many of theirs there are to ask for."""
        kinds = {
            "{session_id}": self.sessions,
            "{handoff_id}": self.handoffs,
            "{webhook_id}": self.webhooks,
            "{connector_id}": [self.entries["connector_id"]],
        }
        return next((len(theirs) for name, theirs in kinds.items() if name in path), 1)


async def busy(http: Http, crew: Crew) -> tuple[list[str], list[str]]:
    junior, senior = http(crew.technician), http(crew.engineer)
    plain = await open_session(junior, f"Plain session of {crew.account_id}")
    pending = await escalated(junior, f"Waiting of {crew.account_id}")
    held = await escalated(junior, f"Held of {crew.account_id}")
    await claimed(senior, held["id"])
    done = await escalated(junior, f"Done of {crew.account_id}")
    await claimed(senior, done["id"])
    assert (await senior.post(f"{API}/handoffs/{done['id']}/resolve")).status_code == 200
    three = (pending, held, done)
    return [plain, *(h["session_id"] for h in three)], [h["id"] for h in three]


async def worked_on(client: httpx.AsyncClient, session_id: str) -> dict[str, str]:
    """A step, a fact and a task in the first of their sessions, by the names that stand in paths."""
    made = {}
    for kind, body in (
        ("step", {"action": "Restarted it", "outcome": "helped"}),
        ("fact", {"label": "Firmware", "value": "7.2"}),
        ("task", {"text": "Call them back"}),
    ):
        answer = await client.post(f"{API}/ai-sessions/{session_id}/{kind}s", json=body)
        made[f"{kind}_id"] = str(answer.json()["id"])
    return made


async def hooked(http: Http, crew: Crew, handoff_id: str, owner: Owner) -> tuple[str, str]:
    """A webhook that is switched off at once, so that nothing is ever sent, and one notice in its log."""
    admin, hooks = http(crew.admin), f"{API}/account/webhooks"
    made = await admin.post(hooks, json={"name": f"Hook of {crew.account_id}", "url": "https://1.1.1.1/"})
    assert made.status_code == 201, made.text
    webhook_id: str = made.json()["id"]
    assert (await admin.patch(f"{hooks}/{webhook_id}", json={"active": False})).status_code == 200
    notice = await owner.value(
        "INSERT INTO webhook_delivery (account_id, webhook_id, handoff_id, seq, kind, data, state, finished_at)"
        " VALUES ($1, $2, $3, 1, 'created', '{}', 'failed', now()) RETURNING id",
        crew.account_id,
        webhook_id,
        handoff_id,
    )
    return webhook_id, str(notice)


async def connected(http: Http, crew: Crew, session_id: str, owner: Owner) -> dict[str, str]:
    """A connector that nothing is written by, and one note in its log."""
    fields = {"url": "https://1.1.1.1", "client_id": "theirs", "client_secret": f"Secret of {crew.account_id}"}
    body = {"system": "halo", "fields": fields}
    made = await http(crew.admin).post(f"{API}/account/psa-connectors", json=body)
    assert made.status_code == 201, made.text
    connector_id: str = made.json()["connector"]["id"]
    note = await owner.value(
        "INSERT INTO psa_note (account_id, connector_id, session_id, kind, ticket, text, state, finished_at)"
        " VALUES ($1, $2, $3, 'note', '1', 'Theirs', 'failed', now()) RETURNING id",
        crew.account_id,
        connector_id,
        session_id,
    )
    return {"connector_id": connector_id, "note_id": str(note)}


@pytest.fixture
async def world(people: Callable[..., Awaitable[Crew]], http: Http, database_url: str) -> World:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    await busy(http, ours)
    sessions, handoffs = await busy(http, theirs)
    webhook_id, notice_id = await hooked(http, theirs, handoffs[0], Owner(database_url))
    entries = await worked_on(http(theirs.technician), sessions[0])
    entries |= await connected(http, theirs, sessions[0], Owner(database_url))
    entries |= await written_down(http(theirs.admin), sessions[0])
    return World(ours, theirs, sessions, handoffs, [webhook_id], [notice_id], entries)


async def written_down(client: httpx.AsyncClient, session_id: str) -> dict[str, str]:
    """A runbook, a one-view secret and a message; a proposal comes from a model only."""
    book = await client.post(f"{API}/account/runbooks", json={"title": "VPN", "body": "1. Ping both ends"})
    secret = await client.post(f"{API}/secrets", json={"content": "Winter2026!"})
    message = await client.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "Hello"})
    ids = [one.json()["id"] for one in (book, secret, message)]
    return dict(zip(("runbook_id", "secret_id", "message_id"), ids, strict=True)) | {"proposal_id": NOBODYS}


def filled(body: dict[str, Any] | None, user_id: str) -> dict[str, Any] | None:
    return {k: user_id if v == "{user_id}" else v for k, v in body.items()} if body is not None else None


async def test_another_accounts_ids_answer_404_for_every_role_and_change_nothing(
    world: World, http: Http, database_url: str
) -> None:
    owner = Owner(database_url)
    before = await owner.checksum()
    wrong: list[str] = []
    for who in world.ours.everyone:
        client = http(who)
        for (verb, path), sent in BODIES.items():
            body = filled(sent, who.id)
            names = ("session_id", "handoff_id", "webhook_id", "delivery_id", *world.entries)
            ids = dict.fromkeys(names, NOBODYS)
            nobodys = await client.request(verb, API + path.format(**ids), json=body)
            for number in range(world.things(path)):
                address = world.address(path, number)
                answer = await client.request(verb, address, json=body)
                if (answer.status_code, answer.json()["code"]) != (404, "not_found"):
                    wrong.append(f"{who.role} {verb} {address}: {answer.status_code} {answer.text[:80]}")
                elif answer.content != nobodys.content:
                    wrong.append(f"{who.role} {verb} {address}: differs from an id that nobody has")
    assert not wrong, "\n".join(wrong)
    assert await owner.checksum() == before, "a refused request must leave no trace"


async def test_another_accounts_people_cannot_be_named_in_a_body(world: World, http: Http, database_url: str) -> None:
    junior, senior = http(world.ours.technician), http(world.ours.engineer)
    mine = await escalated(junior)
    held = await escalated(junior)
    await claimed(senior, held["id"])
    fresh = await open_session(junior)
    before = await Owner(database_url).checksum()
    stranger = world.theirs.engineer.id
    for answer in (
        await escalate(junior, fresh, target_user_id=stranger),
        await senior.patch(f"{API}/handoffs/{mine['id']}", json={"target_user_id": stranger}),
        await senior.post(f"{API}/handoffs/{held['id']}/reassign", json={"user_id": stranger}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    assert await Owner(database_url).checksum() == before


async def test_lists_never_show_another_account(world: World, http: Http) -> None:
    foreign = {*world.sessions, *world.handoffs, world.theirs.account_id, *(m.id for m in world.theirs.everyone)}
    listed = await http(world.ours.admin).get(f"{API}/account/webhooks")
    assert listed.json() == {"items": []}
    for who in world.ours.everyone:
        client = http(who)
        for path in (
            "/me",
            "/account/settings",
            "/ai-sessions?limit=200",
            "/ai-sessions?mine=true",
            f"/ai-sessions?search={world.theirs.account_id}",
            *(f"/handoffs?limit=200&status={s}" for s in ("pending", "claimed", "resolved", "withdrawn", "all")),
            "/events?after=0&limit=500",
        ):
            answer = await client.get(API + path)
            assert answer.status_code == 200, answer.text
            seen = sorted(word for word in foreign if word in answer.text)
            assert not seen, f"{who.role} sees {seen} of another account at {path}"
    metrics = (await http(world.ours.engineer).get(f"{API}/analytics/escalation-metrics")).json()
    assert metrics["escalations"] == 3, "another account's escalations are not counted"


async def test_a_cursor_of_another_account_opens_nothing(world: World, http: Http) -> None:
    for path in ("/handoffs?status=all&limit=1", "/ai-sessions?limit=1"):
        cursor = (await http(world.theirs.engineer).get(API + path)).json()["next_cursor"]
        answer = await http(world.ours.engineer).get(API + path, params={"cursor": cursor})
        assert answer.status_code == 200
        assert world.theirs.account_id not in answer.text
        assert not any(word in answer.text for word in (*world.sessions, *world.handoffs))


async def test_the_socket_never_tells_another_account(world: World, http: Http, server: Server) -> None:
    their_junior, our_junior = http(world.theirs.technician), http(world.ours.technician)
    async with listening(server, world.ours.engineer) as client:
        await client.resume(0)
        theirs = [await escalated(their_junior, f"Secret {n}") for n in range(3)]
        # A receipt for a stranger's handoff is not kept and tells the stranger nothing.
        await client.send(type="receipt", handoff_id=theirs[0]["id"], state="shown")
        mine = await escalated(our_junior, "Ours, after theirs")
        while (await client.event())["data"]["handoff_id"] != mine["id"]:
            pass
        text = str(client.events)
        assert world.theirs.account_id not in text
        assert not any(h["id"] in text or h["session_id"] in text for h in theirs)
    kinds = [e["kind"] for e in await log_of(their_junior)]
    assert "handoff.delivery" not in kinds
    assert all(d["state"] == "pending" for d in (await get(their_junior, theirs[0]["id"]))["deliveries"])


async def get(client: httpx.AsyncClient, handoff_id: str) -> dict[str, Any]:
    handoff: dict[str, Any] = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
    return handoff


async def test_a_long_poll_is_not_woken_by_another_account(world: World, http: Http) -> None:
    client = http(world.ours.viewer)
    head = (await client.get(f"{API}/events?after=0")).json()["head"]
    poll = asyncio.create_task(client.get(f"{API}/events", params={"after": head, "wait": 2}))
    await escalated(http(world.theirs.technician))
    page = (await poll).json()
    assert (page["events"], page["head"]) == ([], head)


async def test_equal_ids_in_two_accounts_stay_two_things(world: World, http: Http, database_url: str) -> None:
    """A row of ours under the very id that another account's row has is still ours alone."""
    stolen = world.sessions[0]
    await Owner(database_url).fetch(
        "INSERT INTO ai_session (account_id, id, owner_id, title, problem) VALUES ($1, $2, $3, 'Twin', 'Twin')",
        world.ours.account_id,
        stolen,
        world.ours.technician.id,
    )
    ours, theirs = http(world.ours.technician), http(world.theirs.technician)
    assert (await ours.get(f"{API}/ai-sessions/{stolen}")).json()["title"] == "Twin"
    assert (await theirs.get(f"{API}/ai-sessions/{stolen}")).json()["title"].startswith("Plain session")
    assert (await escalate(ours, stolen)).status_code == 201
    assert (await theirs.get(f"{API}/ai-sessions/{stolen}")).json()["status"] == "active"
