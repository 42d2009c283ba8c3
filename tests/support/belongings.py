"""One of everything that an account can have, by the names that stand in the paths of routes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx

from tests.support.flow import API, Owner, claimed, escalated, open_session
from tests.support.people import Crew, Member

ClientOf = Callable[[Member], httpx.AsyncClient]
NOWHERE = "https://nowhere.invalid"
"""A place that no resolver knows: whatever is sent there fails at once."""


async def belongings(client_of: ClientOf, crew: Crew, owner: Owner) -> dict[str, str]:
    """Make them, and answer their ids. Titles and names begin with the account's id, to be found where they leak."""
    junior, senior, admin = client_of(crew.technician), client_of(crew.engineer), client_of(crew.admin)
    ids = {"account_id": crew.account_id, "user_id": crew.second_engineer.id}
    ids |= {"session_id": await open_session(junior, f"{crew.account_id} plain")}
    ids |= {"spare_session_id": await open_session(junior, f"{crew.account_id} spare")}
    ids |= await _handoffs(junior, senior, crew.account_id)
    ids |= await _worked_on(junior, ids["session_id"], crew.account_id)
    ids |= await _written_down(admin, crew.account_id)
    ids |= await _connected(admin, crew.account_id)
    ids |= await _rows(owner, crew, ids)
    await owner.fetch("UPDATE webhook SET url = $2 WHERE account_id = $1", crew.account_id, f"{NOWHERE}/")
    address = "UPDATE psa_connector SET fields = fields || jsonb_build_object('url', $2::text) WHERE account_id = $1"
    await owner.fetch(address, crew.account_id, NOWHERE)
    return ids


async def _made(answer: httpx.Response) -> Any:
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


async def _handoffs(junior: httpx.AsyncClient, senior: httpx.AsyncClient, name: str) -> dict[str, str]:
    ids: dict[str, str] = {}
    for kind in ("waiting", "held", "released", "solved", "taken_back"):
        handoff = await escalated(junior, f"{name} {kind}", need=f"{name} needs")
        ids |= {f"{kind}_id": handoff["id"], f"{kind}_session_id": handoff["session_id"]}
    for kind in ("held", "released", "solved"):
        await claimed(senior, ids[f"{kind}_id"])
    return ids | {"handoff_id": ids["waiting_id"]}


async def _worked_on(junior: httpx.AsyncClient, session_id: str, name: str) -> dict[str, str]:
    ids = {}
    for kind, body in (
        ("step", {"action": f"{name} restarted it", "outcome": "helped"}),
        ("fact", {"label": "Firmware", "value": name}),
        ("task", {"text": f"{name} calls them back"}),
        ("message", {"content": f"{name} says hello"}),
    ):
        made = await _made(await junior.post(f"{API}/ai-sessions/{session_id}/{kind}s", json=body))
        ids[f"{kind}_id"] = str(made["id"])
    return ids


async def _written_down(admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    ids = {}
    for kind in ("runbook_id", "spare_runbook_id"):
        body = {"title": f"{name} book", "body": "1. Ping both ends"}
        ids[kind] = (await _made(await admin.post(f"{API}/account/runbooks", json=body)))["id"]
    for kind in ("webhook_id", "spare_webhook_id"):
        body = {"name": f"{name} hook", "url": "https://1.1.1.1/"}
        ids[kind] = (await _made(await admin.post(f"{API}/account/webhooks", json=body)))["id"]
        # Switched off at once, so that nothing is sent meanwhile.
        await _made(await admin.patch(f"{API}/account/webhooks/{ids[kind]}", json={"active": False}))
    secret = await _made(await admin.post(f"{API}/secrets", json={"content": f"{name} Winter2026!"}))
    return ids | {"secret_id": secret["id"]}


async def _connected(admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    halo = {"url": "https://1.1.1.1", "client_id": name, "client_secret": f"{name} secret"}
    autotask = {"user_name": name, "secret": f"{name} secret", "integration_code": name, "url": "https://1.1.1.1"}
    ids = {}
    for kind, system, fields in (("connector_id", "halo", halo), ("spare_connector_id", "autotask", autotask)):
        body = {"system": system, "fields": fields}
        made = await _made(await admin.post(f"{API}/account/psa-connectors", json=body))
        ids[kind] = made["connector"]["id"]
    return ids


async def _rows(owner: Owner, crew: Crew, ids: dict[str, str]) -> dict[str, str]:
    """What comes of work that nobody does here: a notice, a note, a proposal, an invitation, a computer."""
    soon, mark = datetime.now(UTC) + timedelta(days=1), sha256(crew.account_id.encode()).digest()
    session = {"session_id": ids["session_id"]}
    over = {"state": "failed", "finished_at": datetime.now(UTC)}
    notice = {"webhook_id": ids["webhook_id"], "handoff_id": ids["handoff_id"], "seq": 1, "kind": "created"}
    note = {"connector_id": ids["connector_id"], "kind": "note", "ticket": "1", "text": "Theirs"}
    guest = {"email": f"{crew.account_id}@guest.example", "name": "Guest", "role": "viewer", "token_hash": mark}
    computer = {"user_id": crew.viewer.id, "name": "PC-7", "family_hash": mark, "refresh_hash": mark}
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "delivery_id": ("webhook_delivery", {**notice, "data": "{}", **over}),
        "note_id": ("psa_note", {**session, **note, **over}),
        "proposal_id": ("proposal", {**session, "kind": "fact", "content": '{"label": "Model", "value": "X1"}'}),
        "invite_id": ("invite", {**guest, "invited_by": crew.admin.id, "expires_at": soon}),
        "setup_id": ("setup_code", {"code": crew.account_id, "label": "All", "created_by": crew.admin.id}),
        "browser_id": ("web_session", {"user_id": crew.viewer.id, "token_hash": mark, "expires_at": soon}),
        "token_id": ("access_token", {"user_id": crew.viewer.id, "token_hash": mark}),
        "scim_token_id": ("scim_token", {"token_hash": mark, "expires_at": soon}),
        "device_id": ("device", {**computer, "expires_at": soon}),
    }
    new = {}
    for kind, (table, columns) in rows.items():
        values = {"account_id": crew.account_id, "id": str(uuid4()), **columns}
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        await owner.fetch(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())
        new[kind] = values["id"]
    return new


def nobodys(ids: dict[str, str]) -> dict[str, str]:
    """As many ids, which nobody has."""
    return dict.fromkeys(ids, str(uuid4()))
