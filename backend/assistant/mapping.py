"""Rows of the database as contract objects."""

from backend.contract.assistant import Proposal, Reply
from backend.contract.handoffs import SimilarHandoff
from backend.db.tables import AnyRow
from backend.sessions.mapping import person

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


def similar(rows: list[AnyRow], most: int = 3) -> list[SimilarHandoff]:
    """Those that share enough words to be worth a look: two at least, and a sixth of what was looked for."""
    return [
        SimilarHandoff(
            id=str(row.id),
            title=row.title,
            resolution=row.resolution,
            customer=row.customer,
            session_id=str(row.session_id),
            resolved_at=row.resolved_at,
        )
        for row in rows
        if row.hits >= 2 and row.hits * 6 >= min(row.asked, 24)
    ][:most]
