"""What happened in a run, as seen from outside: the material that `checker` judges.

Times are seconds of CLOCK_MONOTONIC, which all processes of one machine share. An operation ends in one of three
ways: `ok` (it happened), `fail` (it was refused, so it did not happen) or `info` (no answer, or one that does not say:
it may have happened, now or at any later time, and so stays concurrent with everything after it).
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

Outcome = Literal["ok", "fail", "info"]
FOREVER: Final = float("inf")
CANARY: Final = re.compile(r"canary-[0-9a-f]{8}")
NOBODY: Final = "nobody"
"""The reader of a connection at rest: whatever account's text it sees is foreign to it."""


def canary(account: str) -> str:
    """The word that every text of an account carries; seen by anyone else it proves a leak."""
    return f"canary-{account.replace('-', '')[-8:]}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise. `rule` is a short name, `text` says where."""

    rule: str
    text: str


@dataclass(slots=True, kw_only=True)
class Operation:
    """One command of one client. `data` holds what was sent and what the answer said of the state."""

    client: str
    account: str
    user: str
    kind: str
    handoff: str | None = None
    key: str | None = None
    invoked: float
    answered: float | None = None
    outcome: Outcome = "info"
    code: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """When it was over at the latest."""
        return FOREVER if self.answered is None or self.outcome == "info" else self.answered

    def ended(self, outcome: Outcome, code: str = "", **data: Any) -> None:
        """Keep the answer."""
        self.answered, self.outcome, self.code = time.monotonic(), outcome, code
        self.data.update(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event frame as one reader got it."""

    seq: int
    kind: str
    data: dict[str, Any]
    at: float

    @property
    def handoff(self) -> str:
        """The handoff it is about."""
        return str(self.data["handoff_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One attempt at the mail server, from its DATA command on. `ended` is when 250 was written, None when never.

    `kept` says that the server keeps the mail (it would reach the person), even if its 250 never arrived.
    """

    message_id: str
    recipient: str
    data_began: float
    ended: float | None
    kept: bool
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """Something that was broken on purpose, from when to when. `kind` is the fault's name."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A delivery row of the final read: whom a Message-ID belongs to."""

    account: str
    handoff: str
    user: str
    rung: int
    purpose: str
    channel: str
    state: str
    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRead:
    """The database after healing: rows of handoffs by id, the log by account, what was planned, what waits."""

    handoffs: dict[str, dict[str, Any]]
    log: dict[str, list[Heard]]
    planned: list[Planned]
    jobs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """Everything recorded in one run."""

    operations: list[Operation] = field(default_factory=list)
    heard: dict[tuple[str, str], list[Heard]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    foreign: list[tuple[str, str, str]] = field(default_factory=list)
    """(account of the reader, canary seen, where)."""
    resets: list[tuple[str, str]] = field(default_factory=list)
    """(reader, reason) of everyone to whom the log could not say what follows what they had been told."""
    seniors: dict[str, dict[str, str]] = field(default_factory=dict)
    """account → user id → mail address, of everyone who may claim."""
    final: FinalRead | None = None
    _running: dict[int, tuple[str, float]] = field(default_factory=dict)

    def begin(self, *, client: str, account: str, user: str, kind: str, **more: Any) -> Operation:
        """Record that a command is sent now; `more` are fields of `Operation`."""
        operation = Operation(client=client, account=account, user=user, kind=kind, invoked=time.monotonic(), **more)
        self.operations.append(operation)
        return operation

    def hear(self, account: str, reader: str, frame: dict[str, Any]) -> Heard:
        """Record an event frame."""
        one = Heard(seq=frame["seq"], kind=frame["kind"], data=frame["data"], at=time.monotonic())
        self.heard.setdefault((account, reader), []).append(one)
        return one

    def read(self, account: str, text: str, where: str) -> None:
        """Look through a text that somebody of `account` was shown for words of other accounts."""
        own = canary(account) if account != NOBODY else ""
        for word in set(CANARY.findall(text)) - {own}:
            self.foreign.append((account, word, where))

    @contextmanager
    def disturbed(self, kind: str, *, settle_s: float = 0.0) -> Iterator[None]:
        """Everything from here to the end of the block, and `settle_s` more, counts as disturbed."""
        began = time.monotonic()
        self._running[id(began)] = (kind, began)
        try:
            yield
        finally:
            del self._running[id(began)]
            self.disturbances.append(Disturbance(kind=kind, began=began, ended=time.monotonic() + settle_s))

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Everything is healed from here on: what settles still of earlier faults is over, and nothing excuses."""
        now = time.monotonic()
        self.disturbances = [replace(d, ended=min(d.ended, now)) for d in self.disturbances]
        yield

    def save(self, path: Path) -> None:
        """Write all of it as JSON, so that a violation can be looked at afterwards."""
        document = {
            "operations": [asdict(o) for o in self.operations],
            "heard": {"/".join(k): [asdict(h) for h in v] for k, v in self.heard.items()},
            "mails": [asdict(m) for m in self.mails],
            "disturbances": [asdict(d) for d in self.disturbances],
            "foreign": self.foreign,
            "resets": self.resets,
            "final": asdict(self.final) if self.final else None,
        }
        path.write_text(json.dumps(document, default=str))
