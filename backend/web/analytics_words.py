"""What the analytics page says about its figures, in words. Pure; the template places them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from backend.contract.baseline import BaselineVersion
from backend.contract.metrics import BaselineUse, EscalationMetrics, ExclusionReason
from backend.contract.vocabulary import FirstActionKind
from backend.web import formats

_MINUS: Final = "\u2212"
NONE: Final = "\u2013"
KIND_WORDS: Final[dict[FirstActionKind, str]] = {
    "message": "a message",
    "step": "a step",
    "fact": "a fact",
    "psa_note": "a note in the ticket system",
}
LEFT_OUT_WORDS: Final[dict[ExclusionReason, str]] = {
    "waiting": "Still waiting",
    "withdrawn": "Withdrawn before anyone acted",
    "no_action_yet": "Claimed, no action yet",
    "ended_without_action": "Ended without an action in FlowPilot",
    "no_baseline": "No baseline when it was made",
}
_NUMBERS: Final = ("None", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def minutes(value: float, digits: int = 1) -> str:
    """`23.4`, with a true minus sign below zero, and no `-0.0`."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not float(text) else text.replace("-", _MINUS)


def clock_seconds(seconds: float | None) -> str:
    """`2:06` under an hour, `1 h 04 min` from there on; a dash for none."""
    return formats.waited(timedelta(seconds=seconds)) if seconds is not None else NONE


def short_seconds(seconds: float | None) -> str:
    """`0.7 s` under a minute, then as `clock_seconds`; a dash for none."""
    if seconds is None:
        return NONE
    return f"{seconds:.1f} s" if seconds < 59.95 else clock_seconds(seconds)


def percent(part: int, whole: int) -> str:
    """`48 %`."""
    return f"{round(100 * part / whole)} %" if whole else NONE


@dataclass(frozen=True, slots=True)
class Change:
    """Against the month before: `1.8 more` than in `October` (`value`); `words` is empty where it is the same."""

    words: str
    month: str
    value: float


def change(metrics: EscalationMetrics) -> Change | None:
    """The change line, or None without two figures to compare."""
    this, earlier = metrics.minutes_recovered_per_escalation, metrics.previous.minutes_recovered_per_escalation
    if this is None or earlier is None:
        return None
    step = round(round(this, 1) - round(earlier, 1), 1)
    before = date.fromisoformat(f"{metrics.previous.month}-01")
    words = f"{abs(step):.1f} {'less' if step < 0 else 'more'}" if step else ""
    return Change(words, f"{before:%B}" if before.month < 12 else f"{before:%B %Y}", earlier)


def basis(metrics: EscalationMetrics, *, current: bool) -> str:
    """What the big figure is made of: how many, how many below zero, and how far to trust it."""
    n = metrics.with_first_action
    which = "this month" if current else "of the month"
    if metrics.early:
        said = [f"Early figure from {n} escalation{'s' if n != 1 else ''}. It will move."]
    elif n == 1:
        said = ["From one escalation."]
    else:
        said = [f"Average of the {n} escalations {which} in which a senior has acted."]
    if metrics.negative:
        one = metrics.negative == 1
        count = _NUMBERS[metrics.negative] if metrics.negative < len(_NUMBERS) else str(metrics.negative)
        said.append(f"{count} took longer than the baseline and count{'s' if one else ''} as negative.")
    if metrics.small_sample and not metrics.early:
        said.append("Fewer than 20: one long case still moves it.")
    if any(one.basis == "estimated" and one.escalations for one in metrics.baselines):
        said.append("From an estimated baseline.")
    return " ".join(said)


def baseline_source(used: Sequence[BaselineUse], tz: ZoneInfo) -> str:
    """Who set what the figure is measured against, and from what."""
    counting = [one for one in used if one.escalations] or list(used)
    if not counting:
        return ""
    if len(counting) > 1:
        parts = [
            f"{minutes(one.minutes) if one.minutes is not None else 'none'} for {one.escalations}" for one in counting
        ]
        return f"Mean of what was in force: {formats.listed(parts)}"
    return source(counting[0], tz)


def source(one: BaselineUse | BaselineVersion, tz: ZoneInfo) -> str:
    """`Measured, set by Marcus Hale, counts from 3 Nov 2026`."""
    if one.origin == "product":
        return "FlowPilot\u2019s estimate: two calls of 5 min"
    who = f"set by {formats.apart(one.set_by.name)}" if one.set_by else "set before versions were kept"
    return f"{one.basis.capitalize()}, {who}{counts_from(one.effective_from, tz)}"


def counts_from(start: datetime, tz: ZoneInfo) -> str:
    """`, counts from 3 Nov 2026`; nothing where it counts from the beginning."""
    local = start.astimezone(tz)
    return f", counts from {formats.day(local.date())} {local.year}" if local.year > 2000 else ""


@dataclass(frozen=True, slots=True)
class Subtraction:
    """Baseline minus in-product time, with as many decimals as it takes to add up in front of the reader."""

    baseline: str
    product: str
    recovered: str


def subtraction(metrics: EscalationMetrics) -> Subtraction | None:
    """The three figures, or None without a baseline."""
    baseline, value = metrics.manual_baseline_minutes, metrics.minutes_recovered_per_escalation
    if baseline is None or value is None:
        return None
    product = baseline - value
    for digits in (1, 2, 3):
        if round(round(baseline, digits) - round(product, digits), digits) == round(value, digits):
            break
    return Subtraction(minutes(baseline, digits), minutes(product, digits), minutes(value, digits))
