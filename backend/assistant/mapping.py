"""Rows of the database as contract objects."""

import re
from typing import Final

from backend.contract.assistant import Proposal, Reply
from backend.contract.handoffs import SimilarHandoff
from backend.db.tables import AnyRow
from backend.sessions.mapping import person

_EVERYDAY: Final = frozenset(
    [
        "after",
        "again",
        "also",
        "been",
        "before",
        "cannot",
        "does",
        "every",
        "from",
        "have",
        "into",
        "once",
        "only",
        "since",
        "some",
        "than",
        "that",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "very",
        "what",
        "when",
        "where",
        "which",
        "while",
        "will",
        "with",
        "without",
        "would",
        "your",
    ]
)
CUT_OFF = "FlowPilot was cut off while it was writing: the server restarted."


def reply(row: AnyRow) -> Reply:
    """A reply; one whose writer is gone reads as failed."""
    dead = row.state == "running" and not row.alive
    return Reply(
        id=str(row.id),
        session_id=str(row.session_id),
        message_id=str(row.message_id) if row.message_id else None,
        kind=row.kind,
        state="failed" if dead else row.state,
        content=row.content,
        reason=CUT_OFF if dead else row.reason,
        retry_after_s=row.retry_after_s,
        started_at=row.started_at,
    )


def running(row: AnyRow) -> Reply:
    """A reply that runs, whoever writes it."""
    return Reply(
        id=str(row.id),
        session_id=str(row.session_id),
        message_id=str(row.message_id) if row.message_id else None,
        kind=row.kind,
        state="running",
        content=row.content,
        reason=None,
        retry_after_s=None,
        started_at=row.started_at,
    )


def proposal(row: AnyRow) -> Proposal:
    """A proposal."""
    return Proposal(
        id=str(row.id),
        session_id=str(row.session_id),
        message_id=str(row.message_id) if row.message_id else None,
        kind=row.kind,
        state=row.state,
        created_at=row.created_at,
        decided_at=row.decided_at,
        decided_by=person(row.decided_by, row.decider),
        **row.content,
    )


def similar(rows: list[AnyRow], text: str, most: int = 3) -> list[SimilarHandoff]:
    """Those worth a look: two shared words at least, a sixth of what was looked for, and one that the title names.

    A customer's name and everyday words alone make no likeness. What was resolved alike is named once.
    """
    sought = _stems(text)
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        alike = (row.title.casefold(), (row.resolution or "").casefold())
        if row.hits < 2 or row.hits * 6 < min(row.asked, 24) or alike in seen or not _stems(row.title) & sought:
            continue
        seen.add(alike)
        found.append(row)
    return [
        SimilarHandoff(
            id=str(row.id),
            title=row.title,
            resolution=row.resolution,
            customer=row.customer,
            session_id=str(row.session_id),
            resolved_at=row.resolved_at,
        )
        for row in found[:most]
    ]


def _stems(text: str) -> set[str]:
    """What a text is about, roughly: its longer words and its abbreviations, by their beginnings."""
    words = re.findall(r"\w+", text)
    told = {word.casefold() for word in words if len(word) >= 4 or (len(word) >= 2 and word.isupper())}
    return {word[:5] for word in told - _EVERYDAY}
