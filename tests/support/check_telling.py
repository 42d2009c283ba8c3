"""The checker's rules about telling people: mails, receipts, and the 30 seconds."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from tests.support.history import History, Mail, Operation, Planned, Violation

GRACE_S: Final = 2.0
TOLD_WITHIN_S: Final = 30.0
HELD_UP: Final = frozenset({"worker.frozen", "server.frozen", "network.held", "database.held"})
"""Faults after which a process may go on with what it had decided before."""
ALERTS: Final = frozenset({"alert"})


def _planned(history: History) -> dict[str, Planned]:
    final = history.final
    return {p.message_id: p for p in final.planned if p.message_id} if final else {}


def _woke_late(history: History, ended: float, began: float) -> bool:
    """Whether a frozen process explains that DATA began this late after `ended`."""
    return any(
        d.kind in HELD_UP and d.began <= ended + GRACE_S and began <= d.ended + GRACE_S for d in history.disturbances
    )


def _ends(history: History) -> tuple[dict[str, list[Operation]], dict[str, list[float]]]:
    """By handoff: the acknowledged ends of its waiting, and the times from which it may have waited again."""
    ends: dict[str, list[Operation]] = defaultdict(list)
    reopened: dict[str, list[float]] = defaultdict(list)
    for o in history.operations:
        if o.handoff and o.kind in {"claim", "withdraw", "resolve"} and o.outcome == "ok":
            ends[o.handoff].append(o)
        elif o.handoff and o.kind == "release" and o.outcome != "fail":
            reopened[o.handoff].append(o.invoked)
    for heard in history.heard.values():
        for event in heard:
            if event.kind == "handoff.released" and event.data.get("actor") is None:
                reopened[event.handoff].append(event.at - GRACE_S)
    return ends, reopened


def check_mail_after_end(history: History) -> Iterator[Violation]:
    """No alert goes out later than 2 s after the handoff was answered to be claimed, withdrawn or resolved."""
    planned = _planned(history)
    ends, reopened = _ends(history)
    for mail in history.mails:
        row = planned.get(mail.message_id)
        if row is None:
            yield Violation("mail.unplanned", f"{mail.message_id} to {mail.recipient} belongs to no delivery")
            continue
        if row.purpose not in ALERTS:
            continue
        for end in ends[row.handoff]:
            late = mail.data_began - (end.answered or mail.data_began)
            again = any(end.invoked <= at <= mail.data_began for at in reopened[row.handoff])
            if late > GRACE_S and not again and not _woke_late(history, end.answered or 0.0, mail.data_began):
                yield Violation("mail.late", f"{row.handoff}: mail to {mail.recipient} {late:.1f} s after {end.kind}")


def check_mail_after_receipt(history: History) -> Iterator[Violation]:
    """Whoever was shown a round, and whose receipt the log has told, gets no alert of that round by mail."""
    shown: dict[tuple[str, str, int], float] = {}
    for heard in history.heard.values():
        for event in heard:
            if event.kind == "handoff.delivery" and event.data.get("state") == "shown":
                told = (event.handoff, event.data["user"]["id"], int(event.data.get("rung") or 0))
                shown[told] = min(event.at, shown.get(told, event.at))
    planned = _planned(history)
    for mail in history.mails:
        row = planned.get(mail.message_id)
        if row is None or row.purpose not in ALERTS:
            continue
        at = shown.get((row.handoff, row.user, row.rung))
        if at is not None and mail.data_began > at + GRACE_S and not _woke_late(history, at, mail.data_began):
            late = mail.data_began - at
            yield Violation("mail.shown", f"{row.handoff}: {mail.recipient} was mailed {late:.1f} s after `shown`")


def check_mail_twice(history: History) -> Iterator[Violation]:
    """One Message-ID is kept once, unless something was broken between the two."""
    kept: dict[tuple[str, str], list[Mail]] = defaultdict(list)
    for mail in history.mails:
        if mail.kept:
            kept[mail.message_id, mail.recipient].append(mail)
    for (message_id, recipient), mails in kept.items():
        mails.sort(key=lambda m: m.data_began)
        for first, second in pairwise(mails):
            broken = any(d.began <= second.data_began and d.ended >= first.data_began for d in history.disturbances)
            if first.ended is not None and not broken:
                gap = second.data_began - first.data_began
                yield Violation("mail.twice", f"{message_id} to {recipient} again after {gap:.1f} s")


def check_told(history: History) -> Iterator[Violation]:
    """Every senior has a receipt or an accepted mail within 30 s of the 201, where nothing was broken meanwhile."""
    told = _told_at(history)
    ended: dict[str, float] = {}
    for o in history.operations:
        if o.handoff and o.kind in {"claim", "withdraw"} and o.outcome != "fail":
            ended[o.handoff] = min(o.invoked, ended.get(o.handoff, o.invoked))
    over = max((o.answered or o.invoked for o in history.operations), default=0.0)
    for o in history.operations:
        if o.kind != "escalate" or o.code != "created" or not o.handoff or o.answered is None:
            continue
        deadline = o.answered + TOLD_WITHIN_S
        if ended.get(o.handoff, deadline) < deadline or deadline > over or _broken(history, o.answered, deadline):
            continue
        for senior, address in history.seniors.get(o.account, {}).items():
            if senior != o.user and told.get((o.handoff, senior), deadline + 1) > deadline:
                yield Violation("told", f"{o.handoff}: {address} was not told within {TOLD_WITHIN_S:.0f} s")


def _broken(history: History, began: float, ended: float) -> bool:
    return any(d.began <= ended and d.ended >= began for d in history.disturbances)


def _told_at(history: History) -> dict[tuple[str, str], float]:
    """(handoff, user) → when a receipt `shown` was echoed or the mail server had said 250, whichever came first."""
    told: dict[tuple[str, str], float] = {}

    def keep(handoff: str, user: str, at: float) -> None:
        told[handoff, user] = min(at, told.get((handoff, user), at))

    for heard in history.heard.values():
        for event in heard:
            if event.kind == "handoff.delivery" and event.data.get("state") == "shown":
                keep(event.handoff, event.data["user"]["id"], event.at)
    planned = _planned(history)
    for mail in history.mails:
        row = planned.get(mail.message_id)
        if row is not None and mail.ended is not None:
            keep(row.handoff, row.user, mail.ended)
    return told


def check_nothing_left(history: History) -> Iterator[Violation]:
    """After healing nothing due is left over, and every open handoff has a next step (a job of its own)."""
    final = history.final
    if final is None:
        return
    stepping = {job["handoff_id"] for job in final.jobs if job["kind"] in {"step", "idle"}}
    for handoff, row in final.handoffs.items():
        if row["status"] == "pending" and handoff not in stepping:
            yield Violation("stuck", f"{handoff} waits and nothing is planned for it")
    for job in final.jobs:
        if job["overdue_s"] > TOLD_WITHIN_S:
            yield Violation("stuck", f"{job['key']} is due since {job['overdue_s']:.0f} s")


def check_all_delivered(history: History) -> Iterator[Violation]:
    """After healing no mail about a handoff that still waits is left half-done without a job that goes on with it.

    Where nobody waits any more, `unknown` is the honest last word: an alert is not sent again to make sure.
    """
    final = history.final
    if final is None:
        return
    trying = {job["handoff_id"] for job in final.jobs if job["kind"] == "email"}
    newest: dict[str, int] = defaultdict(int)
    for row in final.planned:
        newest[row.handoff] = max(newest[row.handoff], row.rung)
    for row in final.planned:
        waits = final.handoffs[row.handoff]["status"] == "pending" and row.purpose == "alert"
        half_done = row.state in {"pending", "sending"} or (row.state == "unknown" and waits)
        told_anew = row.rung < newest[row.handoff]
        if row.channel == "email" and half_done and not told_anew and row.handoff not in trying:
            yield Violation("stuck", f"{row.handoff}: mail for {row.user} is {row.state} and nobody sends it")
