"""Can the answers that clients got be explained by one handoff that did one thing at a time?

The search of Wing and Gong with a memo, per handoff: histories are short there (5 to 60 operations), so it takes
milliseconds where a search over a whole run would never end. An operation without an answer may have happened at any
time after it was sent, or never.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.support.history import FOREVER, Operation


@dataclass(frozen=True, slots=True)
class State:
    """A handoff as the contract describes it. `status` is `absent` before the escalation."""

    status: str = "absent"
    holder: str | None = None
    epoch: int = 0


ABSENT: Final = State()
Rule = Callable[[State, Operation], State | None]
"""The state after an operation that succeeded; None when it could not have succeeded in this state."""


def _escalate(state: State, operation: Operation) -> State | None:
    if operation.code == "repeat":
        return state if state.status != "absent" else None
    return State("pending") if state.status == "absent" else None


def _claim(state: State, operation: Operation) -> State | None:
    told = operation.data.get("epoch")
    if operation.code == "already_yours":
        mine = state.status == "claimed" and state.holder == operation.user
        return state if mine and told in {None, state.epoch} else None
    if state.status != "pending" or operation.user == operation.data.get("by"):
        return None
    return State("claimed", operation.user, state.epoch + 1) if told in {None, state.epoch + 1} else None


def _release(state: State, operation: Operation) -> State | None:
    if state.status != "claimed" or not (operation.data.get("manager") or state.holder == operation.user):
        return None
    return State("pending", None, state.epoch + 1)


def _reassign(state: State, operation: Operation) -> State | None:
    if state.status != "claimed" or not (operation.data.get("manager") or state.holder == operation.user):
        return None
    target = operation.data["to"]
    return state if target == state.holder else State("claimed", target, state.epoch + 1)


def _resolve(state: State, operation: Operation) -> State | None:
    if state.status != "claimed" or not (operation.data.get("manager") or state.holder == operation.user):
        return None
    return replace(state, status="resolved")


def _withdraw(state: State, _: Operation) -> State | None:
    return replace(state, status="withdrawn") if state.status == "pending" else None


def _patch(state: State, _: Operation) -> State | None:
    return state if state.status == "pending" else None


def _seen(state: State, _: Operation) -> State | None:
    return state if state.status != "absent" else None


_SUCCEEDS: Final[dict[str, Rule]] = {
    "escalate": _escalate,
    "claim": _claim,
    "release": _release,
    "reassign": _reassign,
    "resolve": _resolve,
    "withdraw": _withdraw,
    "patch": _patch,
    "seen": _seen,
}
"""`seen` is somebody's sight of the handoff: it must exist by then."""


def _may_refuse(state: State, operation: Operation) -> bool:
    """Whether this refusal is a true word in this state."""
    holder = operation.data.get("holder")
    match operation.code:
        case "already_claimed":
            return state.status == "claimed" and state.holder != operation.user and holder in {None, state.holder}
        case "not_pending":
            return state.status not in {"absent", "pending"}
        case "not_found":
            return state.status == "absent"
        case "own_handoff":
            return operation.user == operation.data.get("by")
        case "claim_lost":
            return not (state.status == "claimed" and state.holder == operation.user) or operation.data.get("fenced", 0)
    return True  # about the request, not about the handoff


def _after(state: State, operation: Operation) -> State | None:
    if operation.outcome == "fail":
        return state if _may_refuse(state, operation) else None
    return _SUCCEEDS[operation.kind](state, operation)


def linearisable(operations: Sequence[Operation]) -> bool:
    """True when some order explains every answer: each operation at one moment between its sending and its answer."""
    todo = sorted(operations, key=lambda o: o.invoked)
    must = sum(1 << n for n, o in enumerate(todo) if o.end != FOREVER)
    tried: set[tuple[int, State]] = set()
    stack: list[tuple[int, State]] = [(0, ABSENT)]
    while stack:
        done, state = stack.pop()
        if done & must == must:
            return True
        if (done, state) in tried:
            continue
        tried.add((done, state))
        left = [n for n in range(len(todo)) if not done >> n & 1]
        first_end = min(todo[n].end for n in left)
        for n in left:
            if todo[n].invoked > first_end:
                break  # sorted: this one and all later ones were sent after another had already been answered
            after = _after(state, todo[n])
            if after is not None:
                stack.append((done | 1 << n, after))
    return False
