"""What the server really sends is what the desktop decodes, and keeps the shape that is written down in golden files.

A golden file changes only together with the contract: another server or an older tray reads the same frames.
"""

import json
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from backend.contract.events import Event, EventPage, Heartbeat, Hello, Reset
from backend.contract.handoffs import ClaimResult, Handoff, QueuePage, QueueRow
from backend.contract.metrics import EscalationMetrics
from backend.contract.people import AccountSettings, Me
from backend.contract.problems import TITLE, Problem
from backend.contract.sessions import Fact, Message, Session, SessionPage, Step
from backend.http.problems import STATUS, problem
from desktop.core import frames
from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalate, escalated, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

GOLDEN = Path(__file__).parent / "golden"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
People = Callable[..., Awaitable[Crew]]


def shape(value: Any) -> Any:
    """The value with what differs from run to run replaced by what it is."""
    if isinstance(value, dict):
        return {key: "<version>" if key == "server_version" else shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value[:1]]
    if isinstance(value, str):
        masked = UUID.sub("<id>", re.sub(r"#t=[\w-]{43}", "#t=<ticket>", value))
        return "<time>" if TIME.match(value) else re.sub(r"http://127\.0\.0\.1:\d+", "<server>", masked)
    return value


def golden(name: str, value: Any) -> None:
    """Compare with the kept file. To accept a change of the contract, run with WRITE_GOLDEN=1 and read what differs."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(shape(value), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing"
    assert text == path.read_text(), f"{path.name} is what others rely on"


SOMETIMES: Final[dict[type[Any], set[str]]] = {
    EventPage: {"test"},
    QueueRow: {"reserved_for", "reserved_until"},
}
"""What is left out where there is nothing to say."""


def all_of(value: Any, kind: type[Any]) -> Any:
    """Decode strictly: no member that the contract does not name, none missing."""
    decoded = msgspec.convert(value, kind)
    again = json.loads(msgspec.json.encode(decoded))
    missing = set(again) - set(value) - SOMETIMES.get(kind, set())
    unknown = set(value) - set(again)
    assert (missing, unknown) == (set(), set()), kind.__name__
    return decoded


async def test_frames_of_the_stream(people: People, http: Http, server: Server) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    session_id = await open_session(
        junior, customer="Fabrikam", ticket={"system": "connectwise", "id": "20418", "url": "https://psa.example/20418"}
    )
    async with listening(server, crew.engineer) as client:
        golden("frame_hello", {**client.hello, "epoch": client.hello["epoch"]})
        all_of(client.hello, Hello)
        await client.resume(5)
        reset = await client.frame()
        golden("frame_reset", reset)
        all_of(reset, Reset)
        await client.resume(0)
        handoff = (await escalate(junior, session_id, priority="high", need="Eyes", impact="Ten wait")).json()["id"]
        await client.send(type="receipt", handoff_id=handoff, state="shown")
        await client.event("handoff.delivery")
        await claimed(senior, handoff)
        await junior.get(f"{API}/me")
        await senior.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "On it"})
        await act(senior, handoff, "reassign", user_id=crew.second_engineer.id)
        await act(http(crew.second_engineer), handoff, "release", note="Not my field")
        await junior.patch(f"{API}/handoffs/{handoff}", json={"priority": "urgent"})
        await act(junior, handoff, "withdraw")
        again = (await escalate(junior, session_id)).json()["id"]
        await claimed(senior, again)
        await act(senior, again, "resolve", note="Solved")
        seen: dict[str, dict[str, Any]] = {}
        while "handoff.resolved" not in seen:
            seen = {event["kind"]: event for event in client.events[::-1]}
            if "handoff.resolved" not in seen:
                await client.event()
        for kind, event in sorted(seen.items()):
            golden(f"frame_{kind.replace('.', '_')}", {**event, "seq": 2, "prev": 1})
            decoded = frames.decode(json.dumps(event))
            assert isinstance(decoded, Event), kind
            assert (decoded.seq, decoded.kind) == (event["seq"], kind)
            if kind != "handoff.delivery":
                row = msgspec.convert(event["data"], QueueRow)
                assert (row.id, row.customer) == (event["data"]["handoff_id"], "Fabrikam")
        assert set(seen) == {
            *("handoff.created", "handoff.delivery", "handoff.claimed", "handoff.updated", "handoff.reassigned"),
            *("handoff.released", "handoff.withdrawn", "handoff.resolved"),
        }
        heartbeat = await client.frame()
        assert isinstance(frames.decode(json.dumps(heartbeat)), Heartbeat)


async def test_bodies_of_the_api(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    session_id = await open_session(junior, customer="Fabrikam", ticket={"system": "cw", "id": "1"})
    base = f"{API}/ai-sessions/{session_id}"
    message = (await junior.post(f"{base}/messages", json={"content": "Hello"})).json()
    step = (await junior.post(f"{base}/steps", json={"action": "Rebooted", "outcome": "helped"})).json()
    fact = (await junior.post(f"{base}/facts", json={"label": "Firmware", "value": "7.2"})).json()
    handoff = (await escalate(junior, session_id)).json()
    queue = (await junior.get(f"{API}/handoffs")).json()
    claim = await claimed(senior, handoff["id"])
    whole = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()
    await senior.patch(f"{API}/account/settings", json={})
    bodies: list[tuple[str, Any, type[Any]]] = [
        ("me", (await senior.get(f"{API}/me")).json(), Me),
        ("message", message, Message),
        ("step", step, Step),
        ("fact", fact, Fact),
        ("session", (await junior.get(base)).json(), Session),
        ("sessions", (await junior.get(f"{API}/ai-sessions")).json(), SessionPage),
        ("queue", queue, QueuePage),
        ("claim", claim, ClaimResult),
        ("handoff", whole, Handoff),
        ("events", (await junior.get(f"{API}/events?after=0&limit=1")).json(), EventPage),
        ("settings", (await junior.get(f"{API}/account/settings")).json(), AccountSettings),
        ("metrics", (await senior.get(f"{API}/analytics/escalation-metrics?month=2024-01")).json(), EscalationMetrics),
    ]
    for name, body, kind in bodies:
        all_of(body, kind)
        golden(f"body_{name}", body)


async def test_problems_on_the_wire(people: People, http: Http) -> None:
    crew = await people()
    senior, other = http(crew.engineer), http(crew.second_engineer)
    handoff = await escalated(http(crew.technician))
    await claimed(senior, handoff["id"])
    again = await escalate(http(crew.technician), handoff["session_id"])
    for name, answer in (
        ("already_claimed", await act(other, handoff["id"], "claim")),
        ("already_escalated", again),
        ("role_required", await act(http(crew.viewer), handoff["id"], "claim")),
        ("invalid_body", await senior.post(f"{API}/ai-sessions", json={"title": "t"})),
        ("not_found", await senior.get(f"{API}/handoffs/x")),
    ):
        golden(f"problem_{name}", answer.json())
        assert msgspec.convert(answer.json(), Problem).code == name


def test_every_code_has_one_status_and_one_title() -> None:
    assert set(STATUS) == set(TITLE)
    golden("problem_codes", {code: [STATUS[code], problem(code, "x")["type"]] for code in sorted(STATUS)})
