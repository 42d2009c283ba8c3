"""The checker's rules about the event log: gapless, one story, the same for everyone, and true to what was answered."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from tests.support.history import Heard, History, Operation, Violation

EVENT_OF: Final = {
    "escalate": "handoff.created",
    "claim": "handoff.claimed",
    "release": "handoff.released",
    "reassign": "handoff.reassigned",
    "resolve": "handoff.resolved",
    "withdraw": "handoff.withdrawn",
}
FOLLOWS: Final = {
    "handoff.created": ({"absent"}, "pending"),
    "handoff.claimed": ({"pending"}, "claimed"),
    "handoff.released": ({"claimed"}, "pending"),
    "handoff.reassigned": ({"claimed"}, "claimed"),
    "handoff.resolved": ({"claimed"}, "resolved"),
    "handoff.withdrawn": ({"pending"}, "withdrawn"),
}
"""event → (statuses it may follow, status after it)."""


def check_readers(history: History) -> Iterator[Violation]:
    """The final log is gapless and a possible story; every reader saw a part of it, in order, word for word."""
    yield from (Violation("reader.reset", f"{reader}: {reason}") for reader, reason in history.resets)
    final = history.final
    if final is None:
        return
    for account, log in final.log.items():
        if [e.seq for e in log] != list(range(1, len(log) + 1)):
            yield Violation("log.gap", f"{account}: {_first_gap([e.seq for e in log])}")
        yield from _story(log)
    for (account, reader), heard in history.heard.items():
        yield from _heard_right(reader, heard, {e.seq: e for e in final.log.get(account, [])})


def _heard_right(reader: str, heard: Sequence[Heard], by_seq: Mapping[int, Heard]) -> Iterator[Violation]:
    for before, after in pairwise(heard):
        if after.seq != before.seq + 1:
            yield Violation("reader.order", f"{reader} got {after.seq} after {before.seq}")
    for event in heard:
        truth = by_seq.get(event.seq)
        if truth is None:
            yield Violation("reader.phantom", f"{reader} was told {event.kind} as {event.seq}: not in the log")
        elif (truth.kind, truth.data) != (event.kind, event.data):
            yield Violation("reader.differs", f"{reader} was told another {event.seq} than the log has")


def _first_gap(seqs: Sequence[int]) -> str:
    for expected, found in enumerate(seqs, start=1):
        if expected != found:
            return f"{found} stands where {expected} should"
    return "the log is longer than it says"


def _story(log: Sequence[Heard]) -> Iterator[Violation]:
    status: dict[str, str] = defaultdict(lambda: "absent")
    for event in log:
        may, then = FOLLOWS.get(event.kind, (None, None))
        if may is not None and then is not None:
            before = status[event.handoff]
            if before not in may:
                rule = "claim.second" if (event.kind, before) == ("handoff.claimed", "claimed") else "log.story"
                yield Violation(rule, f"{event.handoff}: {event.kind} at {event.seq}, when it was {before}")
            status[event.handoff] = then
        elif status[event.handoff] == "absent":
            yield Violation("log.story", f"{event.handoff}: {event.kind} at {event.seq} before it was created")


def check_fold(history: History) -> Iterator[Violation]:
    """What the events add up to is the row as it stands, and no row stands without events."""
    if history.final is None:
        return
    last: dict[str, Heard] = {}
    for log in history.final.log.values():
        for event in log:
            if "status" in event.data:
                last[event.handoff] = event
    for handoff, row in history.final.handoffs.items():
        if handoff not in last:
            yield Violation("fold", f"{handoff} has a row and no event")
            continue
        told = last[handoff].data
        holder = told["claimed_by"]["id"] if told.get("claimed_by") else None
        for name, value in (("status", told["status"]), ("priority", told["priority"]), ("claimed_by", holder)):
            if row[name] != value:
                yield Violation("fold", f"{handoff}: the log says {name} {value}, the row {row[name]}")
    for handoff in set(last) - set(history.final.handoffs):
        yield Violation("fold", f"{handoff} has events and no row")


Change = tuple[str, str, str | None]
"""(event kind, handoff, who)."""


def _answers(operations: Sequence[Operation]) -> tuple[Counter[Change], Counter[tuple[str, str | None]]]:
    """Changes that were acknowledged, and how many more each user may have made."""
    sure: Counter[Change] = Counter()
    unknown: Counter[tuple[str, str | None]] = Counter()
    for o in operations:
        kind = EVENT_OF.get(o.kind)
        if kind is None or o.code in {"already_yours", "repeat", "same_holder"}:
            continue
        if o.outcome == "ok" and o.handoff:
            sure[kind, o.handoff, o.user] += 1
        elif o.outcome == "info":
            unknown[kind, o.user] += 1
    return sure, unknown


def check_acknowledged(history: History) -> Iterator[Violation]:
    """Whatever was answered with success is in the final log; whatever people did in the log was asked for."""
    if history.final is None:
        return
    wrote: Counter[Change] = Counter()
    for log in history.final.log.values():
        wrote.update((e.kind, e.handoff, (e.data.get("actor") or {}).get("id")) for e in log)
    sure, unknown = _answers(history.operations)
    for (kind, handoff, user), count in sure.items():
        if wrote[kind, handoff, user] < count:
            yield Violation("lost", f"{handoff}: {kind} by {user} was acknowledged {count} times and is not there")
    for (kind, handoff, user), count in wrote.items():
        extra = count - sure[kind, handoff, user]
        if kind in EVENT_OF.values() and user is not None and extra > 0:
            unknown[kind, user] -= extra
            if unknown[kind, user] < 0:
                yield Violation("unasked", f"{handoff}: {kind} by {user} was written though nobody asked for it")


def check_keys(history: History) -> Iterator[Violation]:
    """One Idempotency-Key of one person made one handoff and was answered 201 once."""
    made: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for o in history.operations:
        if o.kind == "escalate" and o.outcome == "ok" and o.key and o.handoff:
            made[o.user, o.key].append(o)
    for (_, key), operations in made.items():
        handoffs = {o.handoff for o in operations}
        created = sum(o.code == "created" for o in operations)
        if len(handoffs) > 1:
            yield Violation("key", f"one key, several handoffs: {key} made {handoffs}")
        if created > 1:
            yield Violation("key", f"{key} was answered 201 {created} times")


def check_order(history: History) -> Iterator[Violation]:
    """What was answered before something else was sent stands before it in the log, and in every later queue page."""
    by_account: dict[str, list[tuple[float, float, int, Operation]]] = defaultdict(list)
    for o in history.operations:
        if o.outcome == "ok" and o.data.get("seq") and o.code != "already_yours" and o.answered is not None:
            by_account[o.account].append((o.invoked, o.answered, o.data["seq"], o))
    for done in by_account.values():
        done.sort(key=lambda entry: entry[0])
        ended = sorted(done, key=lambda entry: entry[1])
        highest, n = 0, 0
        for invoked, _, seq, operation in done:
            while n < len(ended) and ended[n][1] < invoked:
                if ended[n][3].kind != "queue":
                    highest = max(highest, ended[n][2])
                n += 1
            too_early = seq < highest if operation.kind == "queue" else seq <= highest
            if too_early:
                rule = "stale_read" if operation.kind == "queue" else "log.time"
                yield Violation(rule, f"{operation.kind} says {seq}, though {highest} was answered before it was sent")


def check_queue(history: History) -> Iterator[Violation]:
    """A page of the queue is what the log adds up to at the position that the page names."""
    if history.final is None:
        return
    pages: dict[str, list[Operation]] = defaultdict(list)
    for o in history.operations:
        if o.kind == "queue" and o.outcome == "ok":
            pages[o.account].append(o)
    for account, reads in pages.items():
        waiting: set[str] = set()
        log, n = history.final.log.get(account, []), 0
        for page in sorted(reads, key=lambda o: o.data["seq"]):
            while n < len(log) and log[n].seq <= page.data["seq"]:
                then = FOLLOWS.get(log[n].kind, (None, None))[1]
                if then is not None:
                    (waiting.add if then == "pending" else waiting.discard)(log[n].handoff)
                n += 1
            if set(page.data["ids"]) != waiting:
                odd = sorted(set(page.data["ids"]) ^ waiting)
                yield Violation("queue", f"{page.client}'s page at {page.data['seq']} is wrong about {odd}")


def check_foreign(history: History) -> Iterator[Violation]:
    """Nobody read another account's words."""
    for account, word, where in history.foreign:
        yield Violation("foreign", f"{account} read {word} in {where}")
