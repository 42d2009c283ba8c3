"""Rows of the database as contract webhooks."""

from backend.contract.people import Person
from backend.contract.webhooks import CreatedWebhook, Webhook, WebhookDelivery
from backend.db.tables import AnyRow


def webhook(row: AnyRow) -> Webhook:
    """A webhook without its secret."""
    return Webhook(
        id=str(row.id),
        name=row.name,
        url=row.url,
        format=row.format,
        active=row.active,
        paused_reason=row.paused_reason,
        events=row.events,
        created_by=Person(id=str(row.created_by), name=row.created_by_name),
        created_at=row.created_at,
    )


def created(row: AnyRow, secret: str) -> CreatedWebhook:
    """A webhook with its secret, the one time that it is shown."""
    plain = webhook(row)
    return CreatedWebhook(
        id=plain.id,
        name=plain.name,
        url=plain.url,
        format=plain.format,
        active=plain.active,
        paused_reason=plain.paused_reason,
        events=plain.events,
        created_by=plain.created_by,
        created_at=plain.created_at,
        secret=secret,
    )


def delivery(row: AnyRow) -> WebhookDelivery:
    """One line of the log."""
    return WebhookDelivery(
        id=str(row.id),
        handoff_id=str(row.handoff_id) if row.handoff_id else None,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        status_code=row.status_code,
        error=row.error,
        at=row.at,
        next_at=row.next_at,
        finished_at=row.finished_at,
    )
