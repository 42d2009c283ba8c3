"""What the self-audit last found and how the last canary went, as any process reads it."""

import math
import time
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from backend.db.engine import Database

TOPIC: Final = "selfaudit"
"""Wake-up topic: there is a new state to read."""

AUDIT_EVERY_S: Final = 60.0
AUDIT_LATE_S: Final = 300.0
"""Older than this, the self-audit counts as not running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing that is wrong. `text` says what, `mend` what to do; times in seconds since the epoch.

    `said_at` is when it was last written into the log.
    """

    kind: str
    level: str
    count: int
    text: str
    mend: str
    said_at: float = 0.0

    @property
    def key(self) -> tuple[str, int, str]:
        """Two findings with the same key say the same."""
        return self.kind, self.count, self.mend


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """The last run. `figures` are counts and seconds by name, maps where something is counted by kind."""

    age_s: float
    figures: dict[str, Any]
    findings: list[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryState:
    """The last canary that came to an end. `stage` and `error` say where and why it failed."""

    age_s: float
    ok: bool
    stage: str | None
    error: str | None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`house_age_s` is None where no worker has ever run; `read_at` is this process's steady clock.

    `clock_s` is how far this machine's clock is ahead of the database's, at the least.
    """

    read_at: float
    clock_s: float
    house_age_s: float | None
    audit: AuditState | None
    canary: CanaryState | None

    @property
    def since_read_s(self) -> float:
        """What has to be added to every age."""
        return time.monotonic() - self.read_at


async def read_state(database: Database) -> State:
    """One small query; raises what the driver raises."""
    before = time.time()
    row = await database.call("select audit_state()::text")
    after = time.time()
    if row is None:  # pragma: no cover - a function answers one row
        raise RuntimeError("audit_state answered nothing")
    return parse(row[0], here=(before + after) / 2, doubt_s=(after - before) / 2)


def parse(text: str, *, here: float, doubt_s: float = 0.0) -> State:
    """`here` is this machine's time, in seconds since the epoch, when the database looked, give or take `doubt_s`."""
    found = orjson.loads(text)
    audit, canary = found["audit"], found["canary"]
    return State(
        read_at=time.monotonic(),
        clock_s=_beyond(here - found["now"], doubt_s),
        house_age_s=found["house_age_s"],
        audit=None
        if audit is None
        else AuditState(
            age_s=audit["age_s"],
            figures=audit["figures"],
            findings=[Finding(**one) for one in audit["findings"]],
        ),
        canary=None if canary is None else CanaryState(**canary),
    )


def _beyond(difference: float, doubt_s: float) -> float:
    """What is certain of a difference: a slow answer is no wrong clock."""
    return math.copysign(max(abs(difference) - doubt_s, 0.0), difference)


def canary_fault(state: State, every_s: float) -> str | None:
    """What is wrong with the canary, in one sentence; None when nothing is, or when it is switched off."""
    if every_s <= 0 or state.house_age_s is None:
        return None
    late_s = every_s * 3 + 120
    last = state.canary
    if last is None or last.age_s > late_s:
        for_s = state.house_age_s if last is None else last.age_s
        return None if for_s <= late_s else f"no canary escalation has been sent for {for_s / 60:.0f} min"
    return None if last.ok else f"the canary escalation fails at “{last.stage}”: {last.error}"
