"""The checker's rule about claims: all answers are those of one handoff that did one thing at a time."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.support.history import Heard, History, Operation, Violation
from tests.support.linear import linearisable

COMMANDS: Final = {"escalate", "claim", "release", "reassign", "resolve", "withdraw", "patch"}


def check_claims(history: History) -> Iterator[Violation]:
    """Some order explains every answer about a handoff: sent commands, sights of it, the program's own releases."""
    for handoff, operations in _by_handoff(history).items():
        if not any(o.kind == "escalate" and o.code == "created" for o in operations):
            operations.append(_escalation_without_answer(history, operations[0]))
        if not linearisable(operations):
            story = "; ".join(_told(o) for o in sorted(operations, key=lambda o: o.invoked) if o.kind != "seen")
            yield Violation("claims", f"{handoff}: no order explains these answers: {story}")


def _by_handoff(history: History) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = defaultdict(list)
    escalator: dict[str, str] = {}
    for event in (event for log in (history.final.log.values() if history.final else ()) for event in log):
        if event.kind == "handoff.created":
            escalator[event.handoff] = event.data["actor"]["id"]
        if event.kind == "handoff.released" and event.data.get("actor") is None:
            found[event.handoff].append(_by_the_system(event))
    for o in history.operations:
        if o.kind in COMMANDS and o.handoff:
            o.data.setdefault("by", escalator.get(o.handoff))
            found[o.handoff].append(o)
    for sight in _first_sights(history):
        found[sight.handoff or ""].append(sight)
    return found


def _first_sights(history: History) -> list[Operation]:
    """Of each handoff the earliest that anyone was told of it."""
    first: dict[str, Operation] = {}
    for (account, reader), heard in history.heard.items():
        for event in heard:
            if event.kind == "handoff.created":
                sight = _sight(account, reader, event)
                first[event.handoff] = min(first.get(event.handoff, sight), sight, key=lambda o: o.end)
    return list(first.values())


def _told(o: Operation) -> str:
    times = f"{o.invoked:.3f}-{o.end:.3f}"
    return f"{o.kind} by {o.user[-4:]} {times} {o.outcome} {o.code} {o.data.get('epoch', '')}".strip()


def _by_the_system(event: Heard) -> Operation:
    """A release that the program made by itself: at some time, nobody knows when."""
    return Operation(
        client="system",
        account="",
        user="",
        kind="release",
        handoff=event.handoff,
        invoked=0.0,
        data={"manager": True},
    )


def _sight(account: str, reader: str, event: Heard) -> Operation:
    """Somebody was told of it: it must exist by then."""
    return Operation(
        client=reader,
        account=account,
        user=reader,
        kind="seen",
        handoff=event.handoff,
        invoked=0.0,
        answered=event.at,
        outcome="ok",
    )


def _escalation_without_answer(history: History, one: Operation) -> Operation:
    """Its 201 was lost: it was sent at some time before anyone knew of the handoff."""
    sent = [o.invoked for o in history.operations if o.kind == "escalate" and o.outcome == "info"]
    return Operation(
        client="unknown",
        account=one.account,
        user="",
        kind="escalate",
        handoff=one.handoff,
        invoked=min(sent, default=0.0),
    )
