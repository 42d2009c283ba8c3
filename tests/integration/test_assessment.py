"""Assessments follow escalations: by the model, else put together, with the reason; never in the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, act, claimed, escalate, log_of, open_session
from tests.support.model_server import ASSESSMENT, ModelServer, model_server
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with model_server() as started:
        yield started


async def worked_on(client: httpx.AsyncClient, title: str = "Tunnel drops hourly") -> str:
    session_id = await open_session(client, title)
    base = f"{API}/ai-sessions/{session_id}"
    await client.post(f"{base}/facts", json={"label": "Firewall", "value": "FortiGate 60F"})
    await client.post(f"{base}/steps", json={"action": "Compare phase 2", "outcome": "blocked", "detail": "no sign-in"})
    return session_id


async def assessed(client: httpx.AsyncClient, session_id: str) -> dict[str, Any]:
    """Escalates, and answers the escalation package once the assessment is no longer pending."""
    made = await escalate(client, session_id)
    assert made.status_code == 201
    handoff = made.json()
    async with asyncio.timeout(60):
        while True:
            found = (await client.get(f"{API}/handoffs/{handoff['id']}")).json()
            if found["assessment_status"] != "pending":
                package: dict[str, Any] = found["escalation_package"]
                return package | {"id": handoff["id"]}
            await asyncio.sleep(0.1)


async def test_the_model_assesses_and_whatever_it_does_there_is_an_answer(
    people: People, start_server: StartServer, http: Http, model: ModelServer
) -> None:
    server = await start_server(**model.settings(FLOWPILOT_LLM_TIMEOUT_S="3"))
    crew = await people()
    junior, admin, senior = (http(one, at=server) for one in (crew.technician, crew.admin, crew.engineer))

    package = await assessed(junior, await worked_on(junior))
    found = package["assessment"]
    assert (package["assessment_status"], found["source"], found["model"]) == ("ready", "model", "tiny-test")
    assert (found["likely_cause"], found["confidence"]) == (ASSESSMENT["likely_cause"], ASSESSMENT["confidence"])
    assert found["next_steps"] == ASSESSMENT["next_steps"]
    events = [e["kind"] for e in await log_of(senior) if e["data"]["handoff_id"] == package["id"]]
    assert events == ["handoff.created", "handoff.assessed"]
    card = next(row for row in (await senior.get(f"{API}/handoffs")).json()["items"] if row["id"] == package["id"])
    assert card["assessment_status"] == "ready"

    model.behave("no_schema")
    assert (await assessed(junior, await worked_on(junior)))["assessment"]["source"] == "model"

    model.behave("wrong_schema")
    before = len(model.asked)
    package = await assessed(junior, await worked_on(junior))
    assert package["assessment"]["source"] == "extractive"
    assert package["assessment"]["summary"].endswith(". Recorded before it was handed over: 1 fact and 1 step.")
    assert package["assessment_reason"] == "The AI model answered in a form that cannot be used."
    assert len(model.asked) == before + 2, "tried once more, not for ever"
    assert package["assessment"]["next_steps"] == ["Go on where it was blocked: Compare phase 2"]
    assert package["assessment"]["confidence"] < 0.4

    package = await assessed(junior, await open_session(junior, "Nothing is known here"))
    assert (package["assessment"], package["assessment_status"]) == (None, "unavailable")
    assert package["assessment_reason"] == "Fewer than 2 facts were gathered."

    model.behave("ok")
    package = await assessed(junior, await open_session(junior, "A sentence is all that is known"))
    assert package["assessment"]["source"] == "model", "it reads the problem and the conversation as well"
    await admin.patch(f"{API}/account/settings", json={"ai_enabled": False})
    asked = len(model.asked)
    package = await assessed(junior, await worked_on(junior))
    assert package["assessment_reason"] == "The AI model is switched off for this account."
    assert len(model.asked) == asked, "nothing of this account leaves"
    await admin.patch(f"{API}/account/settings", json={"ai_enabled": True})

    model.behave("hang")
    package = await assessed(junior, await worked_on(junior))
    assert package["assessment_reason"] == "The AI model did not answer in time."
    assert package["assessment"]["source"] == "extractive"


async def test_similar_resolved_handoffs_come_with_their_resolution_and_secrets_go_nowhere(
    people: People, start_server: StartServer, http: Http, model: ModelServer
) -> None:
    server = await start_server(**model.settings())
    crew = await people()
    junior, senior = http(crew.technician, at=server), http(crew.engineer, at=server)
    before = await assessed(junior, await worked_on(junior, "Tunnel to Leeds drops hourly"))
    await claimed(senior, before["id"])
    await act(senior, before["id"], "resolve", note="Both lifetimes set to 3600 s. Admin password: Winter2026!")

    session_id = await worked_on(junior, "Tunnel to York drops hourly")
    said = await junior.post(
        f"{API}/ai-sessions/{session_id}/messages", json={"content": "net user x Winter2026! /add"}
    )
    assert said.json()["content"] == "net user x [redacted: password] /add"
    fact = {"label": "Admin password", "value": "Winter2026!"}
    kept = await junior.post(f"{API}/ai-sessions/{session_id}/facts", json=fact)
    assert kept.json()["value"] == "[redacted: password]"
    package = await assessed(junior, session_id)
    [similar] = package["assessment"]["similar"]
    assert (similar["id"], similar["title"]) == (before["id"], "Tunnel to Leeds drops hourly")
    assert similar["resolution"] == "Both lifetimes set to 3600 s. Admin password: [redacted: password]"
    briefing = await senior.post(f"{API}/handoffs/{package['id']}/briefing")
    assert (briefing.status_code, briefing.json()["kind"]) == (202, "briefing")
    assert "Winter2026" not in json.dumps(model.asked) + server.logs + json.dumps(package)
    assert "Both lifetimes set to 3600 s." in json.dumps(model.asked)
