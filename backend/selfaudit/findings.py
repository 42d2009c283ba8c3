"""What the audit's counts mean: figures for the metrics, and one finding per kind of thing that is wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from backend.selfaudit.state import Finding

CLOCK_S: Final = 2.0
"""Clocks that differ by more are wrong; the promises count in seconds."""
_EXAMPLES: Final = 5

_START: Final = (
    "start `flowpilot serve` or `flowpilot worker`, or more of them; if they run, their log says what hinders"
)
_REPORT: Final = "nothing is to be done now, but it must not happen: report it with the log of this hour"


@dataclass(slots=True)
class Tally:
    """Everything of one kind, over all accounts."""

    count: int = 0
    handoffs: int = 0
    oldest: datetime | None = None
    words: Counter[str] = field(default_factory=Counter)
    examples: list[UUID] = field(default_factory=list)

    def add(self, row: Any) -> None:
        """One row of `audit_look`."""
        self.count += row["n"]
        self.handoffs += row["handoffs"]
        if row["word"] is not None:
            self.words[row["word"]] += row["n"]
        if row["oldest"] is not None and (self.oldest is None or row["oldest"] < self.oldest):
            self.oldest = row["oldest"]
        self.examples = [*self.examples, *(row["examples"] or ())][:_EXAMPLES]

    @property
    def listed(self) -> str:
        """`step 2, email 1`."""
        return ", ".join(f"{word} {count}" for word, count in sorted(self.words.items()))

    @property
    def shown(self) -> str:
        """Some of the hand-offs, as a tail of a sentence."""
        return f" (hand-offs {', '.join(str(one) for one in self.examples)})" if self.examples else ""


def tallied(rows: Iterable[Any]) -> dict[str, Tally]:
    """Counts by kind."""
    tallies: dict[str, Tally] = {}
    for row in rows:
        tallies.setdefault(row["kind"], Tally()).add(row)
    return tallies


def figures(tallies: dict[str, Tally], *, accounts: int, oldest_due_s: float, clock_s: float) -> dict[str, Any]:
    """What the metrics show; every figure is there, zero too."""
    none = Tally()
    return {
        "accounts": accounts,
        "jobs_overdue": tallies.get("overdue", none).count,
        "oldest_due_job_s": oldest_due_s,
        "jobs_stuck": tallies.get("stuck", none).count,
        "handoffs_without_next_step": sum(tallies.get(kind, none).count for kind in ("no_step", "no_idle")),
        "sends_stuck": tallies.get("sending", none).count,
        "recipients_not_told": tallies.get("not_told", none).count,
        "not_told_by_reason": dict(tallies.get("not_told", none).words),
        "deliveries_failed": {
            channel: tallies.get("failed", none).words.get(channel, 0)
            for channel in ("desktop", "web", "email", "webhook")
        },
        "addresses_refused": tallies.get("address_refused", none).count,
        "webhooks_paused": tallies.get("webhook_paused", none).count,
        "clock_s": clock_s,
    }


def findings(tallies: dict[str, Tally], *, now: datetime, clock_s: float, canary: str | None) -> list[Finding]:
    """What is wrong, the gravest first; `canary` is what is wrong with it."""
    found = [_finding(kind, tallies[kind], now) for kind in _SENTENCES if kind in tallies]
    if canary is not None:
        mend = "try it by hand: escalate, claim, open; the worker's log names the answer that the canary got"
        found.append(Finding(kind="canary", level="error", count=1, text=canary, mend=mend))
    if abs(clock_s) > CLOCK_S:
        side = "ahead of" if clock_s > 0 else "behind"
        text = f"a worker's clock is {abs(clock_s):.0f} s {side} the database's"
        found.append(
            Finding(kind="clock", level="warning", count=1, text=text, mend="set both machines' clocks by NTP")
        )
    return sorted(found, key=lambda one: one.level != "error")


# kind → (level, what is wrong, how to mend it); the fields are those of `_finding`.
_SENTENCES: Final = {
    "overdue": ("error", "{work} due for over 60 s and nobody does it, the oldest for {ago}: {listed}", _START),
    "no_step": ("error", "{waiting} had no next step and got one{shown}", _REPORT),
    "no_idle": ("error", "{claimed} nobody would have asked about any more, now watched again{shown}", _REPORT),
    "not_told": (
        "error",
        "{people} not been told of {waiting} within 30 s: {listed}{shown}",
        "call them; then see what `flowpilot doctor` says of mail, and the strip of each hand-off",
    ),
    "stuck": (
        "error",
        "{work} cut off or failing again and again: {listed}{shown}",
        "look for these hand-offs in the workers' log",
    ),
    "sending": (
        "warning",
        "{messages} being sent for over 2 min: {listed}{shown}",
        "another worker takes them over when the lease of the one that holds them ends; see that one runs",
    ),
    "address_refused": (
        "warning",
        "{addresses} refused for good by the mail server",
        "the account's administrators see whose on /escalations; correct the address",
    ),
    "webhook_paused": (
        "warning",
        "{webhooks} paused after failing for a day",
        "the account's administrators see which on /escalations; mend the receiver, then switch it on again",
    ),
}


def _finding(kind: str, tally: Tally, now: datetime) -> Finding:
    level, sentence, mend = _SENTENCES[kind]
    text = sentence.format(
        work=_many(tally.count, "piece of work is", "pieces of work are"),
        waiting=_many(tally.handoffs, "waiting hand-off", "waiting hand-offs"),
        claimed=_many(tally.handoffs, "claimed hand-off that", "claimed hand-offs that"),
        people=_many(tally.count, "person has", "people have"),
        messages=_many(tally.count, "message is", "messages are"),
        addresses=_many(tally.count, "address was", "addresses were"),
        webhooks=_many(tally.count, "webhook is", "webhooks are"),
        listed=tally.listed,
        shown=tally.shown,
        ago=duration((now - tally.oldest).total_seconds() if tally.oldest else 0.0),
    )
    return Finding(kind=kind, level=level, count=tally.count, text=text, mend=mend)


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def duration(seconds: float) -> str:
    """`40 s`, `7 min` or `3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.0f} h"
