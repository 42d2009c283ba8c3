"""The life of a handoff over HTTP, whoever presses what in which order: the server agrees with the contract's model.

With every run: a tour through each kind of press in each state, refusals too, and pairs of presses at the same time.
`make fuzz` walks by chance instead, for as long as it may.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from http.client import HTTPConnection
from time import monotonic
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.support.flow import API, REASON
from tests.support.handoff_model import (
    EVERYONE,
    OVER,
    SESSION,
    Model,
    Press,
    Told,
    pressed,
    pressed_in_turn,
    tour,
)
from tests.support.people import Crew, Member
from tests.support.server import NO_TLS, Server

People = Callable[..., Awaitable[Crew]]
LONG: Final = os.environ.get("FUZZ") == "long"
WHO: Final = st.sampled_from(("technician", "engineer", "second_engineer", "admin"))
SENIOR: Final = st.sampled_from(("engineer", "second_engineer", "admin"))
OF_THE_WORKER: Final = frozenset({"handoff.delivery", "handoff.realerted", "handoff.assessed"})
IDLE_S: Final = 2.0
CLAIMED: Final[Press] = ("claim", "engineer", "")


def told(answer: httpx.Response) -> Told:
    """Status, and the problem's code or a claim's outcome."""
    body = answer.json()
    return answer.status_code, str(body.get("code") or body.get("outcome") or "")


class Machine(RuleBasedStateMachine):
    """Sets one session up and lets four people loose on it. `server` and `crew` are set by the test."""

    server: Server
    crew: Crew

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[str, httpx.Client] = {}
        self.model: Model | None = None
        self.handoff, self.session, self.session_over = "", "", False

    @initialize()
    def begin(self) -> None:
        for who in ("technician", "engineer", "second_engineer", "admin"):
            member: Member = getattr(self.crew, who)
            headers = {"Authorization": f"Bearer {member.token}"}
            self.clients[who] = httpx.Client(
                base_url=self.server.url, headers=headers, trust_env=False, verify=NO_TLS, timeout=30
            )
        opened = self.clients["technician"].post(f"{API}/ai-sessions", json={"title": "T", "problem": "P"})
        self.session = opened.json()["id"]

    def teardown(self) -> None:
        for client in self.clients.values():
            client.close()

    def press(self, who: str, verb: str, **body: Any) -> Told:
        return told(self.clients[who].post(f"{API}/handoffs/{self.handoff}/{verb}", json=body or None))

    @rule(who=WHO)
    def escalate(self, who: str) -> None:
        answer = self.clients[who].post(f"{API}/ai-sessions/{self.session}/handoff", json={"reason": REASON})
        if self.session_over:
            assert told(answer) == (409, "session_resolved")
        elif self.model is not None and self.model.status not in OVER:
            assert told(answer) == (409, "already_escalated")
            assert answer.json()["handoff_id"] == self.handoff
        else:
            assert answer.status_code == 201, answer.text
            self.handoff, self.model = answer.json()["id"], Model(who)

    @rule(who=WHO)
    def claim(self, who: str) -> None:
        if self.model is not None:
            assert self.press(who, "claim") == self.model.claim(who)

    @rule(who=WHO)
    def release(self, who: str) -> None:
        if self.model is not None:
            assert self.press(who, "release") == self.model.release(who)

    @rule(who=WHO, to=SENIOR)
    def reassign(self, who: str, to: str) -> None:
        if self.model is not None:
            user_id = getattr(self.crew, to).id
            assert self.press(who, "reassign", user_id=user_id) == self.model.reassign(who, to)

    @rule(who=WHO)
    def resolve(self, who: str) -> None:
        if self.model is not None:
            expected = self.model.resolve(who)
            assert self.press(who, "resolve", note="Done") == expected
            self.session_over = self.session_over or expected[0] == 200

    @rule(who=WHO)
    def withdraw(self, who: str) -> None:
        if self.model is not None:
            assert self.press(who, "withdraw") == self.model.withdraw(who)

    @rule(who=WHO, priority=st.sampled_from(("low", "normal", "high", "urgent")))
    def change(self, who: str, priority: str) -> None:
        if self.model is not None:
            answer = self.clients[who].patch(f"{API}/handoffs/{self.handoff}", json={"priority": priority})
            assert told(answer) == self.model.change(who)

    @rule(who=WHO)
    def record(self, who: str) -> None:
        body = {"action": "Restarted it", "outcome": "helped"}
        answer = self.clients[who].post(f"{API}/ai-sessions/{self.session}/steps", json=body)
        assert answer.status_code == (409 if self.session_over else 201), answer.text
        if self.model is not None and answer.status_code == 201:
            self.model.record(who)

    @invariant()
    def the_server_shows_what_the_model_says(self) -> None:
        if self.model is None:
            return
        shown = self.clients["engineer"].get(f"{API}/handoffs/{self.handoff}").json()
        assert (shown["status"], shown["claim_epoch"]) == (self.model.status, self.model.epoch)
        if self.model.status in {"pending", "claimed"}:
            holder = getattr(self.crew, self.model.holder).id if self.model.holder else None
            assert (shown["claimed_by"] or {}).get("id") == holder
        firsts = [entry for entry in shown["timeline"] if entry["kind"] == "first_action"]
        assert len(firsts) == int(self.model.first_action), "the first action counts once"
        session = self.clients["technician"].get(f"{API}/ai-sessions/{self.session}").json()
        assert session["status"] == SESSION[self.model.status]


@pytest.mark.skipif(not LONG, reason="make fuzz walks by chance")
async def test_whoever_presses_what_the_server_keeps_to_the_contract(people: People, server: Server) -> None:
    Machine.server, Machine.crew = server, await people()
    chosen = hypothesis_settings(
        max_examples=300,
        stateful_step_count=50,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)


class Desk:
    """People at the API with a connection each, asked as cheaply as can be; `handoff` is the one at hand."""

    def __init__(self, server: Server, crew: Crew, stranger: Member) -> None:
        self.crew, self.session, self.handoff = crew, "", ""
        who = {name: getattr(crew, name) for name in EVERYONE} | {"stranger": stranger}
        self._tokens = {name: member.token for name, member in who.items()}
        self._links = {name: HTTPConnection("127.0.0.1", server.port, timeout=30) for name in who}
        self._used: dict[str, float] = {}

    def close(self) -> None:
        for link in self._links.values():
            link.close()

    def ask(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "Content-Type": "application/json"}
        if monotonic() - self._used.get(who, 0.0) > IDLE_S:
            self._links[who].close()  # the server may hang up on it at this very moment; it opens again by itself
        self._used[who] = monotonic()
        self._links[who].request(method, API + path, None if body is None else json.dumps(body), headers)
        answer = self._links[who].getresponse()
        return answer.status, json.loads(answer.read())

    def begin(self, by: str) -> None:
        """A new session, escalated by this person."""
        _, opened = self.ask("technician", "POST", "/ai-sessions", {"title": "T", "problem": "P"})
        self.session = opened["id"]
        status, made = self.press(("escalate", by, ""))
        assert status == 201, made

    def press(self, press: Press) -> tuple[int, Any]:
        """Do it; a new handoff is the one at hand from then on."""
        verb, who, to = press
        here = f"/handoffs/{self.handoff}"
        match verb:
            case "escalate":
                status, body = self.ask(who, "POST", f"/ai-sessions/{self.session}/handoff", {"reason": REASON})
                self.handoff = body["id"] if status == 201 else self.handoff
                return status, body
            case "record":
                step = {"action": "Restarted it", "outcome": "helped"}
                return self.ask(who, "POST", f"/ai-sessions/{self.session}/steps", step)
            case "change":
                return self.ask(who, "PATCH", here, {"priority": "high"})
            case "reassign":
                return self.ask(who, "POST", f"{here}/reassign", {"user_id": getattr(self.crew, to).id})
            case _:
                return self.ask(who, "POST", f"{here}/{verb}", {"note": "Done"} if verb == "resolve" else None)

    def log(self, handoff: str, after: int) -> list[str]:
        """The kinds of its events that people caused."""
        _, page = self.ask("engineer", "GET", f"/events?after={after}&limit=500")
        mine = [one for one in page["events"] if (one["data"].get("handoff_id") or one["data"].get("id")) == handoff]
        kinds = [one["kind"].removeprefix("handoff.") for one in mine if one["kind"] not in OF_THE_WORKER]
        assert page["head"] == (page["events"] or [{"seq": after}])[-1]["seq"], "one page holds all of it"
        return kinds

    def shows(self, model: Model) -> None:
        """The server says of it what the model says."""
        _, shown = self.ask("engineer", "GET", f"/handoffs/{self.handoff}")
        _, session = self.ask("technician", "GET", f"/ai-sessions/{self.session}")
        assert (shown["status"], shown["claim_epoch"], self.holder(shown)) == (
            model.status,
            model.epoch,
            model.holder if model.status in {"pending", "claimed"} else self.holder(shown),
        )
        firsts = [entry for entry in shown["timeline"] if entry["kind"] == "first_action"]
        assert len(firsts) == int(model.first_action), "the first action counts once"
        assert session["status"] == SESSION[model.status]

    def holder(self, shown: Any) -> str | None:
        found = (shown["claimed_by"] or {}).get("id")
        return next((name for name in EVERYONE if getattr(self.crew, name).id == found), None)

    def is_nobodys_business(self) -> None:
        """Of another account: neither read nor claimed."""
        for method, path in (
            ("GET", f"/handoffs/{self.handoff}"),
            ("GET", f"/ai-sessions/{self.session}"),
            ("POST", f"/handoffs/{self.handoff}/claim"),
            ("POST", f"/handoffs/{self.handoff}/release"),
        ):
            status, body = self.ask("stranger", method, path)
            assert (status, body.get("code")) == (404, "not_found"), f"{method} {path}: {body}"


def answered(answer: tuple[int, Any]) -> Told:
    """Status, and the problem's code or a claim's outcome."""
    status, body = answer
    return status, str(body.get("code") or body.get("outcome") or "") if status != 201 else ""


@pytest.fixture
async def desk(people: People, server: Server) -> AsyncIterator[Desk]:
    one = Desk(server, await people("Northwind MSP"), (await people("Contoso MSP")).owner)
    yield one
    one.close()


async def test_each_press_in_each_state_does_what_the_contract_says_and_nothing_else(desk: Desk) -> None:
    await asyncio.to_thread(toured, desk)


def toured(desk: Desk) -> None:
    begun, seen, after = False, set[str](), 0
    logs: dict[str, list[str]] = {}
    for visit in tour():
        model = visit.model
        if not begun:
            desk.begin(model.by)
        logs[desk.handoff] = model.log
        for press in visit.refused:
            assert answered(desk.press(press)) == pressed(model, press)[1], f"{press} of {model}"
        if visit.refused or visit.on is None:
            desk.shows(model)
        if model.status not in seen:
            seen.add(model.status)
            desk.is_nobodys_business()
        begun = visit.on is not None
        if visit.on is not None:
            now, expected = pressed(model, visit.on)
            assert answered(desk.press(visit.on)) == expected, f"{visit.on} of {model}"
            logs[desk.handoff] = now.log
    assert seen == set(SESSION)
    _, page = desk.ask("engineer", "GET", f"/events?after={after}&limit=1")
    written: dict[str, list[str]] = {}
    while after < page["head"]:
        _, page = desk.ask("engineer", "GET", f"/events?after={after}&limit=500")
        for one in page["events"]:
            after = one["seq"]
            if one["kind"] not in OF_THE_WORKER:
                about = one["data"].get("handoff_id") or one["data"]["id"]
                written.setdefault(about, []).append(one["kind"].removeprefix("handoff."))
    assert written == logs, "each change is an event, in order, and nothing else is"
    assert desk.ask("stranger", "GET", "/events?after=0")[1]["events"] == []
    assert desk.ask("stranger", "GET", "/handoffs")[1]["items"] == []


RACES: Final[tuple[tuple[tuple[Press, ...], tuple[Press, Press]], ...]] = (
    ((), (("claim", "engineer", ""), ("claim", "second_engineer", ""))),
    ((), (("claim", "engineer", ""), ("withdraw", "technician", ""))),
    ((), (("withdraw", "technician", ""), ("change", "second_engineer", ""))),
    ((CLAIMED,), (("release", "engineer", ""), ("resolve", "admin", ""))),
    ((CLAIMED,), (("release", "engineer", ""), ("claim", "second_engineer", ""))),
    ((CLAIMED,), (("resolve", "engineer", ""), ("reassign", "admin", "second_engineer"))),
    ((CLAIMED,), (("release", "engineer", ""), ("release", "admin", ""))),
)


async def test_two_presses_at_once_end_as_one_after_the_other(desk: Desk) -> None:
    for before, both in RACES:
        await asyncio.to_thread(desk.begin, "technician")
        start = pressed_in_turn(Model("technician"), before)[0]
        for press in before:
            await asyncio.to_thread(desk.press, press)
        told = await asyncio.gather(*(asyncio.to_thread(desk.press, press) for press in both))
        (one, its), (other, others) = pressed_in_turn(start, both), pressed_in_turn(start, both[::-1])
        ends = [(its, one), (others[::-1], other)]
        found = tuple(map(answered, told))
        possible = [model for answers, model in ends if answers == found]
        assert possible, f"{both} were answered {found}"
        log = await asyncio.to_thread(desk.log, desk.handoff, 0)
        model = next((model for model in possible if model.log == log), None)
        assert model is not None, f"{both} left {log}"
        await asyncio.to_thread(desk.shows, model)
