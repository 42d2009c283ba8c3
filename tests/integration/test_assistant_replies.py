"""FlowPilot's replies against a faithful endpoint: streamed, stopped, tried again, seen from any process."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, open_session
from tests.support.hook_desk import until
from tests.support.model_server import ModelServer, model_server
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
SOON_S = 60


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with model_server() as started:
        yield started


class Ear:
    """Hears a session's stream; keeps what it heard."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.patience_s = float(SOON_S)
        self.heard: list[tuple[str, Any]] = []

    async def until(self, *kinds: str) -> Any:
        """The data of the next event of one of these kinds."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(self.patience_s):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "event" in fields:
                    kind, data = fields["event"], json.loads(fields["data"])
                    self.heard.append((kind, data))
                    if kind in kinds:
                        return data
                fields = {}
        raise AssertionError(f"the stream ended; heard {self.heard}")

    def text(self, reply_id: str) -> str:
        """A reply put together from its start and deltas, as a page does it."""
        text = ""
        for kind, data in self.heard:
            if kind == "reply.start" and data["id"] == reply_id:
                text = data["content"]
            elif kind == "reply.delta" and data["reply_id"] == reply_id:
                assert data["at"] == len(text), "no gap and no overlap"
                text += data["text"]
        return text


@contextlib.asynccontextmanager
async def listening(client: httpx.AsyncClient, session_id: str, after: int = 0) -> AsyncIterator[Ear]:
    async with client.stream("GET", f"{API}/ai-sessions/{session_id}/stream?after={after}") as answer:
        assert answer.status_code == 200
        yield Ear(answer.aiter_lines())


async def say(client: httpx.AsyncClient, session_id: str, words: str = "It dropped again.") -> str:
    answer = await client.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": words})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def messages(client: httpx.AsyncClient, session_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{API}/ai-sessions/{session_id}")).json()["messages"]
    return found


async def state(client: httpx.AsyncClient, session_id: str) -> Any:
    return (await client.get(f"{API}/ai-sessions/{session_id}/assistant")).json()


async def test_a_reply_streams_is_stopped_and_tried_again_in_whichever_process(
    people: People, start_server: StartServer, http: Http, model: ModelServer
) -> None:
    one = await start_server(**model.settings())
    other = await start_server(**model.settings())
    crew = await people()
    junior, senior = http(crew.technician, at=one), http(crew.engineer, at=other)
    session_id = await open_session(junior)
    async with listening(junior, session_id) as near, listening(senior, session_id) as far:
        message_id = await say(junior, session_id)
        for ear in (near, far):
            done = await ear.until("reply.done")
            assert (done["message_id"], done["session_id"], done["kind"]) == (message_id, session_id, "reply")
            assert done["content"] == model.reply
        assert near.text(done["id"]) == model.reply
        stored = await messages(senior, session_id)
        assert [(m["author_kind"], m["content"]) for m in stored][-1] == ("assistant", model.reply)
        assert stored[-1]["id"] == done["id"], "the reply is stored once, under its own id"
        sent = json.dumps(model.asked[0])
        assert "It dropped again." in sent
        assert model.asked[0]["stream"] is True
        assert "tools" not in model.asked[0]

        model.behave("slow")
        await say(junior, session_id, "What next?")
        start = await far.until("reply.start")
        await far.until("reply.delta")
        stopped = (await senior.post(f"{API}/ai-sessions/{session_id}/reply/stop")).json()["reply"]
        assert stopped["state"] == "stopped"
        assert stopped["reason"] == "Stopped by Erin Engineer."
        assert model.reply.startswith(stopped["content"])
        assert stopped["content"]
        await near.until("reply.stopped")
        last = (await messages(junior, session_id))[-1]
        assert (last["content"], last["stopped"], last["id"]) == (stopped["content"], True, start["id"])
        model.behave("ok")
        again = await junior.post(f"{API}/ai-sessions/{session_id}/messages/{stopped['message_id']}/reply")
        assert again.status_code == 202
        assert (await near.until("reply.done"))["id"] == again.json()["id"]


FAULTS = {
    "busy": "The AI model is busy. Try again in 7 s.",
    "cut": "The connection to the AI model broke in the middle of the answer.",
    "garbage": "The AI model sent something that cannot be read.",
    "error": "The AI model answered with an error (500).",
    "hang": "The AI model did not answer in time.",
}


async def test_what_goes_wrong_is_said_in_the_chat_and_can_be_tried_again(
    people: People, start_server: StartServer, http: Http, model: ModelServer
) -> None:
    server = await start_server(**model.settings(FLOWPILOT_LLM_TIMEOUT_S="3"))
    crew = await people()
    junior = http(crew.technician, at=server)
    session_id = await open_session(junior)
    async with listening(junior, session_id) as ear:
        for how, words in FAULTS.items():
            model.behave(how)
            message_id = await say(junior, session_id, f"Now it does {how}.")
            failed = await ear.until("reply.failed")
            assert (failed["reason"], failed["message_id"]) == (words, message_id)
            assert failed["retry_after_s"] == (7 if how == "busy" else None)
            assert (await messages(junior, session_id))[-1]["author_kind"] == "user", "nothing half-written is stored"
        drawn = (await junior.get(f"{API}/ai-sessions/{session_id}")).json()["version"] - 1
        async with listening(junior, session_id, after=drawn) as late:
            told = await late.until("session")
        assert told["version"] == drawn + 1, "a page drawn before it failed reads itself anew when its stream opens"
        model.behave("ok")
        await junior.post(f"{API}/ai-sessions/{session_id}/messages/{message_id}/reply")
        assert (await ear.until("reply.done"))["content"] == model.reply
    assert "Now it does" not in server.logs, "what people write is in no log"


async def test_a_proposal_whose_fact_cannot_be_added_stays_open(
    model: ModelServer, start_server: StartServer, people: People, http: Http
) -> None:
    """Accepted and added are one: else the proposal is gone from the page and its fact is nowhere."""
    server = await start_server(**model.settings())
    crew = await people()
    junior = http(crew.technician, at=server)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    facts = [{"label": " ", "value": "FortiGate 60F"}, {"label": "Firmware", "value": "7.2.8"}]
    model.report = {"facts": facts, "steps": []}
    await junior.post(f"{base}/messages", json={"content": "A FortiGate 60F with 7.2.8."})

    async def proposals() -> list[Any]:
        found: list[Any] = (await junior.get(f"{base}/proposals")).json()["items"]
        return found

    nameless, named = await until(proposals, lambda found: len(found) == 2)
    assert (await junior.post(f"{base}/proposals/{nameless['id']}/accept")).status_code == 422
    twice = [await junior.post(f"{base}/proposals/{named['id']}/accept") for _ in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in twice] == [(200, "accepted")] * 2
    assert [one["id"] for one in await proposals()] == [nameless["id"]]
    assert [fact["label"] for fact in (await junior.get(base)).json()["facts"]] == ["Firmware"]
    right = {"label": "Clinic firewall", "value": "FortiGate 60F, password: hunter2secret"}
    kept = (await junior.post(f"{base}/proposals/{nameless['id']}/accept", json=right)).json()
    assert (kept["state"], kept["label"]) == ("accepted", "Clinic firewall")
    fact = (await junior.get(base)).json()["facts"][-1]
    assert (fact["label"], "hunter2secret" in fact["value"] + kept["value"]) == ("Clinic firewall", False)
