"""The session as it was at the moment of escalation: JSON, compressed by us, never changed."""

import zlib
from datetime import datetime
from typing import Any

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
    return packed(frozen)


def packed(frozen: Snapshot) -> bytes:
    """As it is kept."""
    return zlib.compress(encode(frozen), 6)


def rename(frozen: bytes, user_id: str, name: str) -> bytes:
    """The same with another name of one person, wherever the product put it; what people wrote stays."""
    whole = msgspec.json.decode(zlib.decompress(frozen))
    _rename(whole, user_id, name)
    return zlib.compress(encode(whole), 6)


def _rename(part: Any, user_id: str, name: str) -> None:
    if isinstance(part, list):
        for one in part:
            _rename(one, user_id, name)
    elif isinstance(part, dict):
        if part.get("id") == user_id and "name" in part:
            part["name"] = name
        for one in part.values():
            _rename(one, user_id, name)


def read(frozen: bytes) -> Snapshot:
    """What `take` froze."""
    return msgspec.json.decode(zlib.decompress(frozen), type=Snapshot)
