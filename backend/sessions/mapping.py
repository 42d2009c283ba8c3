"""Rows of the database as contract objects."""

from dataclasses import replace
from uuid import UUID

import msgspec

from backend.contract.people import Person
from backend.contract.sessions import Fact, Message, Session, SessionHandoff, SessionRow, Step, Task, TicketRef
from backend.db.tables import AnyRow


def person(user_id: UUID | None, name: str | None) -> Person | None:
    """A reference, or None when nobody stands there."""
    return Person(id=str(user_id), name=name or "") if user_id is not None else None


def known_person(user_id: UUID, name: str) -> Person:
    """A reference to somebody who is certain to exist."""
    return Person(id=str(user_id), name=name)


def ticket(row: AnyRow) -> TicketRef | None:
    """The ticket reference of a session row."""
    return TicketRef(system=row.ticket_system, id=row.ticket_id, url=row.ticket_url) if row.ticket_id else None


def message(row: AnyRow) -> Message:
    """One chat message."""
    return Message(
        id=str(row.id),
        author=person(row.author_id, row.author_name),
        author_kind=row.author_kind,
        content=row.content,
        created_at=row.created_at,
        stopped=row.stopped,
    )


def step(row: AnyRow) -> Step:
    """One step tried."""
    return Step(
        id=str(row.id),
        author=person(row.author_id, row.author_name),
        action=row.action,
        outcome=row.outcome,
        detail=row.detail,
        created_at=row.created_at,
        in_progress=row.in_progress,
        revision=row.revision,
        edited_at=row.edited_at,
        edited_by=person(row.edited_by, row.editor_name),
    )


def fact(row: AnyRow) -> Fact:
    """One fact."""
    return Fact(
        id=str(row.id),
        author=person(row.author_id, row.author_name),
        label=row.label,
        value=row.value,
        created_at=row.created_at,
        revision=row.revision,
        edited_at=row.edited_at,
        edited_by=person(row.edited_by, row.editor_name),
    )


def task(row: AnyRow) -> Task:
    """One line of the checklist."""
    return Task(
        id=str(row.id),
        author=person(row.author_id, row.author_name),
        text=row.text,
        done=row.done_at is not None,
        done_at=row.done_at,
        done_by=person(row.done_by, row.done_name),
        assignee=person(row.assignee_id, row.assignee_name),
        created_at=row.created_at,
        revision=row.revision,
        edited_at=row.edited_at,
        edited_by=person(row.edited_by, row.editor_name),
    )


def session_handoff(row: AnyRow) -> SessionHandoff:
    """One escalation as its session lists it."""
    return SessionHandoff(
        id=str(row.id),
        status=row.status,
        priority=row.priority,
        reason=row.reason,
        created_at=row.created_at,
        handed_off_by=known_person(row.handed_off_by, row.by_name),
        claimed_by=person(row.claimed_by, row.holder_name),
        claimed_at=row.claimed_at,
        target=person(row.target_user_id, row.target_name),
    )


def session_row(row: AnyRow, open_handoff: SessionHandoff | None) -> SessionRow:
    """One line of the session list."""
    return SessionRow(
        id=str(row.id),
        title=row.title,
        customer=row.customer,
        ticket=ticket(row),
        status=row.status,
        owner=known_person(row.owner_id, row.owner_name),
        steps=row.steps,
        open_handoff=open_handoff,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def session(body: str) -> Session:
    """The whole session from its JSON."""
    found = msgspec.json.decode(body, type=Session)
    return replace(found, active_fix=next((one for one in found.steps if one.in_progress), None))
