"""Rows, events and frames for the tests of the tray app's rules."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from backend.contract.events import Event
from backend.contract.handoffs import ClaimResult, EscalationPackage, Handoff, QueueRow, Snapshot
from backend.contract.people import Person, UserView
from backend.contract.vocabulary import EventKind, HandoffStatus, Priority

T0 = datetime(2026, 11, 18, 10, 42, tzinfo=UTC)
MINA = Person(id="u-mina", name="Mina Okafor")
DANA = Person(id="u-dana", name="Dana Reyes")
LEE = Person(id="u-lee", name="Lee Park")
ME = UserView(id="u-dana", name="Dana Reyes", email="dana@example.test", role="engineer")


def row(
    handoff_id: str = "h1",
    *,
    priority: Priority = "normal",
    minute: float = 0,
    customer: str | None = "Harlow Dental Group",
    title: str = "VPN to Leeds clinic drops every hour",
    by: Person = MINA,
    status: HandoffStatus = "pending",
    target: str | None = None,
    holder: Person | None = None,
    claimed_at: datetime | None = None,
    rung: int = 0,
    to: list[str] | None = None,
    breaks_dnd: bool = False,
) -> QueueRow:
    """One line of the queue, waiting since T0 plus `minute`."""
    return QueueRow(
        id=handoff_id,
        session_id=f"s-{handoff_id}",
        title=title,
        customer=customer,
        ticket=None,
        priority=priority,
        status=status,
        reason="I cannot see the head office firewall.",
        need="Someone with head office firewall access.",
        created_at=T0 + timedelta(minutes=minute),
        handed_off_by=by,
        session_owner=by,
        target_user_id=target,
        claimed_by=holder,
        claimed_at=claimed_at,
        assessment_status="pending",
        rung=rung,
        to=to,
        breaks_dnd=breaks_dnd,
        waiting_since=T0 + timedelta(minutes=minute),
    )


def handoff(of: QueueRow, *, claim_epoch: int = 0) -> Handoff:
    """The whole handoff of a row."""
    fields = {name: getattr(of, name) for name in QueueRow.__dataclass_fields__}
    snapshot = Snapshot(
        taken_at=of.created_at,
        title=of.title,
        problem="The tunnel drops.",
        customer=of.customer,
        ticket=None,
        owner=of.session_owner,
        messages=[],
        facts=[],
        steps=[],
        message_count=0,
    )
    package = EscalationPackage(
        reason=of.reason, need=of.need, impact=None, snapshot=snapshot, assessment=None, assessment_status="pending"
    )
    return Handoff(
        **fields, impact=None, claim_epoch=claim_epoch, escalation_package=package, timeline=[], deliveries=[]
    )


def claimed(of: QueueRow, *, outcome: str = "claimed") -> ClaimResult:
    """A claim that holds, by ME."""
    mine = row(of.id, status="claimed", holder=DANA, claimed_at=of.created_at + timedelta(minutes=4, seconds=14))
    assert outcome in {"claimed", "already_yours"}
    return ClaimResult(
        outcome="claimed" if outcome == "claimed" else "already_yours",
        handoff=handoff(mine, claim_epoch=1),
        claim_epoch=1,
        seq=9,
        session_url=f"https://flow.test/pilot/{of.session_id}",
        open_url="https://flow.test/go#t=secret",
    )


def data(of: QueueRow, **extra: Any) -> dict[str, Any]:
    """An event's data, as JSON has it."""
    plain = {
        "id": of.id,
        "handoff_id": of.id,
        "session_id": of.session_id,
        "title": of.title,
        "customer": of.customer,
        "ticket": None,
        "priority": of.priority,
        "status": of.status,
        "reason": of.reason,
        "need": of.need,
        "created_at": of.created_at.isoformat(),
        "handed_off_by": person(of.handed_off_by),
        "session_owner": person(of.session_owner),
        "target_user_id": of.target_user_id,
        "claimed_by": person(of.claimed_by) if of.claimed_by else None,
        "claimed_at": of.claimed_at.isoformat() if of.claimed_at else None,
        "assessment_status": of.assessment_status,
        "rung": of.rung,
        "to": of.to,
        "breaks_dnd": of.breaks_dnd,
        "waiting_since": of.waiting_since.isoformat() if of.waiting_since else None,
    }
    return {**plain, **extra}


def person(who: Person) -> dict[str, str]:
    """As JSON."""
    return {"id": who.id, "name": who.name}


def event(kind: str, of: QueueRow, *, seq: int = 1, replay: bool = False, **extra: Any) -> Event:
    """One entry of the log."""
    known: dict[str, EventKind] = {name: name for name in get_args(EventKind)}
    return Event(seq=seq, prev=seq - 1, kind=known[kind], at=T0, replay=replay, data=data(of, **extra))


def hello(*, epoch: str = "e1", head: int = 0, heartbeat_s: int = 20, role: str = "engineer") -> str:
    """The server's first frame."""
    user = {"id": ME.id, "name": ME.name, "email": ME.email, "role": role}
    return json.dumps(
        {
            "type": "hello",
            "protocol": 1,
            "epoch": epoch,
            "head": head,
            "heartbeat_s": heartbeat_s,
            "server_time": T0.isoformat(),
            "user": user,
        }
    )


def frame(seq: int, prev: int | None = None, *, kind: str = "handoff.created", of: QueueRow | None = None) -> str:
    """An event frame."""
    told = prev if prev is not None else seq - 1
    body = data(of or row(f"h{seq}"))
    return json.dumps(
        {"type": "event", "seq": seq, "prev": told, "kind": kind, "at": T0.isoformat(), "replay": False, "data": body}
    )
