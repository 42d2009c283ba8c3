"""The session as it was at the moment of escalation: JSON, compressed by us, never changed."""

import zlib
from datetime import datetime

import msgspec

from backend.contract.handoffs import Snapshot
from backend.contract.sessions import Session
from backend.http.respond import encode

_MAX_MESSAGES = 500
"""The newest messages that a snapshot carries; `message_count` tells how many there were."""


def take(session: Session, at: datetime) -> bytes:
    """Freeze a session."""
    frozen = Snapshot(
        taken_at=at,
        title=session.title,
        problem=session.problem,
        customer=session.customer,
        ticket=session.ticket,
        owner=session.owner,
        messages=session.messages[-_MAX_MESSAGES:],
        facts=session.facts,
        steps=session.steps,
        message_count=len(session.messages),
        active_fix=session.active_fix,
        tasks=session.tasks,
    )
    return zlib.compress(encode(frozen), 6)


def read(frozen: bytes) -> Snapshot:
    """What `take` froze."""
    return msgspec.json.decode(zlib.decompress(frozen), type=Snapshot)
