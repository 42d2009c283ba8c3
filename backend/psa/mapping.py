"""Rows of the database as contract connectors and notes."""

from datetime import UTC, datetime
from uuid import UUID

from backend.contract.people import Person
from backend.contract.psa import Connector, PsaNote
from backend.db.tables import AnyRow
from backend.psa.systems import SYSTEMS
from backend.psa.wording import title


def connector(row: AnyRow, public_url: str) -> Connector:
    """A connector without its secrets."""
    system = SYSTEMS[row.system]
    waits = row.free_why in {"asked", "budget"} and row.free_at > datetime.now(UTC)
    return Connector(
        id=str(row.id),
        system=row.system,
        name=system.name,
        fields=row.fields,
        secrets=[field.name for field in system.fields if field.secret],
        notes_on=row.notes_on,
        pull_tickets=row.pull_tickets,
        public_notes=row.public_notes,
        status_on_claim=row.status_on_claim,
        status_on_resolve=row.status_on_resolve,
        assign_on_claim=row.assign_on_claim,
        active=row.active,
        paused_reason=row.paused_reason,
        waits_until=row.free_at if waits else None,
        checked_at=row.checked_at,
        check_ok=row.check_ok,
        check_text=row.check_text,
        dead_letters=row.dead_letters,
        hook_url=hook_url(public_url, row.account_id, row.id),
        created_by=Person(id=str(row.created_by), name=row.created_by_name),
        created_at=row.created_at,
    )


def hook_url(public_url: str, account_id: UUID, connector_id: UUID) -> str:
    """Where the PSA tells of notes."""
    return f"{public_url.rstrip('/')}/hooks/psa/{account_id}/{connector_id}"


def note(row: AnyRow) -> PsaNote:
    """One line of the log."""
    return PsaNote(
        id=str(row.id),
        kind=row.kind,
        state=row.state,
        visibility=row.visibility,
        ticket=row.ticket,
        session_id=str(row.session_id),
        handoff_id=str(row.handoff_id) if row.handoff_id else None,
        author=Person(id=str(row.author_id), name=row.author_name) if row.author_id else None,
        text=row.text or row.data.get("text") or title(row.kind, row.data),
        attempts=row.attempts,
        error=row.error,
        remedy=row.remedy,
        remote_id=row.remote_id,
        at=row.at,
        next_at=row.next_at,
        finished_at=row.finished_at,
    )
