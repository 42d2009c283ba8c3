"""The life of a handoff over HTTP, whoever presses what in which order: the server agrees with the contract's model."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.support.flow import API, REASON
from tests.support.people import Crew, Member
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]
LONG: Final = os.environ.get("FUZZ") == "long"
WHO: Final = st.sampled_from(("technician", "engineer", "second_engineer", "admin"))
SENIOR: Final = st.sampled_from(("engineer", "second_engineer", "admin"))
OVER: Final = ("resolved", "withdrawn")
Told = tuple[int, str]


@dataclass
class Model:
    """One handoff as the contract says it must be."""

    by: str
    status: str = "pending"
    holder: str | None = None
    epoch: int = 0
    held: set[str] = field(default_factory=set)
    first_action: bool = False

    def claim(self, who: str) -> Told:
        if who == "technician":
            return 403, "role_required"
        if self.status == "claimed" and self.holder == who:
            return 200, "already_yours"
        if self.by == who:
            return 409, "own_handoff"
        if self.status != "pending":
            return 409, "already_claimed" if self.status == "claimed" else "not_pending"
        self._given(who)
        return 200, "claimed"

    def held_by(self, who: str) -> Told:
        """Whether this person may end or pass on the claim."""
        if self.status in OVER:
            return 409, "not_pending"
        if self.status == "claimed" and who in {self.holder, "admin"}:
            return 200, ""
        if who in self.held or who == "admin":
            return 409, "claim_lost"
        return 403, "role_required"

    def release(self, who: str) -> Told:
        told = self.held_by(who)
        if told[0] == 200:
            self.status, self.holder, self.epoch = "pending", None, self.epoch + 1  # fences who held it
        return told

    def reassign(self, who: str, to: str) -> Told:
        told = self.held_by(who)
        if told[0] != 200:
            return told
        if to == self.by:
            return 422, "user_not_eligible"
        if to != self.holder:
            self._given(to)
        return 200, ""

    def resolve(self, who: str) -> Told:
        told = self.held_by(who)
        if told[0] == 200:
            self.status = "resolved"
        return told

    def withdraw(self) -> Told:
        if self.status == "pending":
            self.status = "withdrawn"
            return 200, ""
        return 409, "already_claimed" if self.status == "claimed" else "not_pending"

    def change(self) -> Told:
        return (200, "") if self.status == "pending" else (409, "not_pending")

    def acted(self, who: str) -> None:
        if self.status == "claimed" and self.holder == who:
            self.first_action = True

    def _given(self, to: str) -> None:
        self.status, self.holder, self.epoch = "claimed", to, self.epoch + 1
        self.held.add(to)


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
            self.clients[who] = httpx.Client(base_url=self.server.url, headers=headers, trust_env=False, timeout=30)
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
            assert self.press(who, "withdraw") == self.model.withdraw()

    @rule(who=WHO, priority=st.sampled_from(("low", "normal", "high", "urgent")))
    def change(self, who: str, priority: str) -> None:
        if self.model is not None:
            answer = self.clients[who].patch(f"{API}/handoffs/{self.handoff}", json={"priority": priority})
            assert told(answer) == self.model.change()

    @rule(who=WHO)
    def record(self, who: str) -> None:
        body = {"action": "Restarted it", "outcome": "helped"}
        answer = self.clients[who].post(f"{API}/ai-sessions/{self.session}/steps", json=body)
        assert answer.status_code == (409 if self.session_over else 201), answer.text
        if self.model is not None and answer.status_code == 201:
            self.model.acted(who)

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
        words = {"pending": "escalated", "claimed": "claimed", "resolved": "resolved", "withdrawn": "active"}
        assert session["status"] == words[self.model.status]


async def test_whoever_presses_what_the_server_keeps_to_the_contract(people: People, server: Server) -> None:
    Machine.server, Machine.crew = server, await people()
    chosen = hypothesis_settings(
        max_examples=300 if LONG else 8,
        stateful_step_count=50 if LONG else 20,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)
