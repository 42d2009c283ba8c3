"""One handoff's life as the contract says it must be, and a way through all of it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

OVER: Final = ("resolved", "withdrawn")
SESSION: Final = {"pending": "escalated", "claimed": "claimed", "resolved": "resolved", "withdrawn": "active"}
"""What the session's status says of it."""
SENIORS: Final = ("engineer", "second_engineer", "admin")
EVERYONE: Final = ("technician", *SENIORS)
Told = tuple[int, str]


@dataclass
class Model:
    """`by` escalated it. `log` are the kinds of its events that people caused, oldest first."""

    by: str
    status: str = "pending"
    holder: str | None = None
    epoch: int = 0
    held: set[str] = field(default_factory=set)
    first_action: bool = False
    log: list[str] = field(default_factory=lambda: ["created"])

    def claim(self, who: str) -> Told:
        if who == "technician":
            return 403, "role_required"
        if self.status == "claimed" and self.holder == who:
            return 200, "already_yours"
        if self.by == who:
            return 409, "own_handoff"
        if self.status != "pending":
            return 409, "already_claimed" if self.status == "claimed" else "not_pending"
        self._given(who, "claimed")
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
            self.log.append("released")
        return told

    def reassign(self, who: str, to: str) -> Told:
        told = self.held_by(who)
        if told[0] != 200:
            return told
        if to == self.by:
            return 422, "user_not_eligible"
        if to != self.holder:
            self._given(to, "reassigned")
        return 200, ""

    def resolve(self, who: str) -> Told:
        told = self.held_by(who)
        if told[0] == 200:
            self.status = "resolved"
            self.log.append("resolved")
        return told

    def withdraw(self, _who: str) -> Told:
        if self.status == "pending":
            self.status = "withdrawn"
            self.log.append("withdrawn")
            return 200, ""
        return 409, "already_claimed" if self.status == "claimed" else "not_pending"

    def change(self, _who: str) -> Told:
        if self.status != "pending":
            return 409, "not_pending"
        self.log.append("updated")
        return 200, ""

    def record(self, who: str) -> Told:
        if self.status == "resolved":
            return 409, "session_resolved"
        if self.status == "claimed" and self.holder == who and not self.first_action:
            self.first_action = True
            self.log.append("updated")
        return 201, ""

    def escalate(self, _who: str) -> Told:
        """Once more, while this one is there; a withdrawn one makes room for another."""
        if self.status == "resolved":
            return 409, "session_resolved"
        return (201, "") if self.status == "withdrawn" else (409, "already_escalated")

    def state(self) -> "State":
        """All but the number of claims so far."""
        return self.by, self.status, self.holder or "", frozenset(self.held), self.first_action

    def _given(self, to: str, how: str) -> None:
        self.status, self.holder, self.epoch = "claimed", to, self.epoch + 1
        self.held.add(to)
        self.log.append(how)


State = tuple[str, str, str, frozenset[str], bool]
Aspect = tuple[object, ...]
Press = tuple[str, str, str]
"""(verb, who, to whom or nothing)."""
Ways = dict[State, list[tuple[Press, State, Aspect]]]

PRESSES: Final[tuple[Press, ...]] = (
    *((verb, who, "") for verb in ("claim", "release", "resolve", "record", "withdraw", "change") for who in EVERYONE),
    *(("reassign", who, to) for who in EVERYONE for to in SENIORS),
    *(("escalate", who, "") for who in ("technician", "engineer")),
)


def pressed(model: Model, press: Press) -> tuple[Model, Told]:
    """What comes of it, and what is answered; the model given stays as it is."""
    verb, who, to = press
    if verb == "escalate" and model.status == "withdrawn":
        return Model(who), (201, "")
    after = replace(model, held=set(model.held), log=list(model.log))
    return after, after.reassign(who, to) if verb == "reassign" else getattr(after, verb)(who)


def aspect(model: Model, press: Press) -> Aspect:
    """What the contract's answer can depend on: two presses of one aspect are one case."""

    def relation(who: str) -> tuple[object, ...]:
        role = "engineer" if who == "second_engineer" else who
        return role, who == model.by, who == model.holder, who in model.held

    verb, who, to = press
    first = model.first_action if verb == "record" else None
    given = relation(to) if to and model.held_by(who)[0] == 200 else None
    return verb, model.status, first, relation(who), given


def pressed_in_turn(model: Model, presses: tuple[Press, ...]) -> tuple[Model, tuple[Told, ...]]:
    """One after the other: the model at the end, and what each was answered."""
    told = []
    for press in presses:
        model, answer = pressed(model, press)
        told.append(answer)
    return model, tuple(told)


@dataclass(frozen=True, slots=True)
class Visit:
    """One state: what is pressed there and must change nothing, then what leads on (None: begin anew)."""

    model: Model
    refused: tuple[Press, ...]
    on: Press | None


def tour() -> Iterator[Visit]:
    """A way over every aspect of every press in every state that can come about, each at least once."""
    states: dict[State, Model] = {}
    ways: Ways = {}
    begin = [Model(by) for by in ("technician", "engineer")]
    new = deque(begin)
    while new:
        model = new.popleft()
        if model.state() not in states:
            states[model.state()] = model
            reached = [(press, pressed(model, press)[0]) for press in PRESSES]
            ways[model.state()] = [(press, after.state(), aspect(model, press)) for press, after in reached]
            new.extend(after for _, after in reached)
    left = {case for ones in ways.values() for *_, case in ones}
    while left:
        model = min(begin, key=lambda one: len(_way(one.state(), ways, left)) or len(states))
        while True:
            here, refused = model.state(), []
            for press, to, case in ways[here]:
                if to == here and case in left and pressed(model, press)[0].log == model.log:
                    left.discard(case)
                    refused.append(press)
            way = _way(here, ways, left)
            yield Visit(model, tuple(refused), way[0] if way else None)
            if not way:
                break
            left.discard(aspect(model, way[0]))
            model, _ = pressed(model, way[0])


def _way(begin: State, ways: Ways, left: set[Aspect]) -> list[Press]:
    """The shortest way to a press of a case that is left, that press included; empty where there is none."""
    seen = {begin}
    line: deque[tuple[State, list[Press]]] = deque([(begin, [])])
    while line:
        here, way = line.popleft()
        for press, _, case in ways[here]:
            if case in left:
                return [*way, press]
        for press, to, _ in ways[here]:
            if to not in seen:
                seen.add(to)
                line.append((to, [*way, press]))
    return []
