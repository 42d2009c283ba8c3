"""The self-audit's last state in `flowpilot doctor`'s words."""

from collections.abc import Iterator
from typing import Literal

from backend.selfaudit.findings import duration
from backend.selfaudit.state import AUDIT_LATE_S, State, canary_fault

Line = tuple[Literal["ok", "off", "WRONG"], str, str]
"""State, part, text."""


def report(state: State, *, accounts: int, canary_every_s: float) -> Iterator[Line]:
    """One line per part, one per finding with its mend. `accounts` counts customers'."""
    if state.house_age_s is None:
        yield "off", "self-audit", "no server or worker has run on this database yet"
        return
    yield from _audit(state, state.house_age_s, accounts)
    yield _canary(state, canary_every_s)


def _audit(state: State, house_age_s: float, accounts: int) -> Iterator[Line]:
    audit = state.audit
    age_s = audit.age_s if audit else house_age_s
    if age_s > AUDIT_LATE_S and accounts:
        yield "WRONG", "self-audit", f"the self-audit has not run for {duration(age_s)}: is a worker running?"
        return
    if audit is None:
        yield "off", "self-audit", "it has not run yet"
        return
    wrong = [one for one in audit.findings if one.kind != "canary"]  # it has a line of its own
    for one in wrong:
        yield "WRONG", "self-audit", f"{one.text}; {one.mend}"
    if not wrong:
        f = audit.figures
        number = f"{f['accounts']} account{'' if f['accounts'] == 1 else 's'}"
        oldest = f"no work is overdue (the oldest is due for {f['oldest_due_job_s']:.0f} s)"
        yield "ok", "self-audit", f"ran {duration(age_s)} ago over {number}: {oldest}, everyone was told"


def _canary(state: State, every_s: float) -> Line:
    if every_s <= 0:
        return "off", "canary", "FLOWPILOT_CANARY_EVERY_S is 0"
    fault = canary_fault(state, every_s)
    if fault is not None:
        late = state.canary is None or state.canary.ok
        mend = (
            "run `flowpilot serve` with its worker on, or set FLOWPILOT_PUBLIC_URL for `flowpilot worker`"
            if late
            else "try it by hand: escalate, claim, open"
        )
        return "WRONG", "canary", f"{fault}; {mend}"
    last = state.canary
    if last is None:
        return "off", "canary", "none has been sent yet"
    seen = f", the senior saw it after {last.seconds['event'] * 1000:.0f} ms" if "event" in last.seconds else ""
    return "ok", "canary", f"went through {duration(last.age_s)} ago in {last.seconds['total']:.1f} s{seen}"
