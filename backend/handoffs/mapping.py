"""Rows of the database as contract handoffs."""

import msgspec

from backend.contract.handoffs import (
    Assessment,
    Delivery,
    EscalationPackage,
    Handoff,
    NextStep,
    Opened,
    Rejected,
    TimelineEntry,
)
from backend.db.tables import AnyRow
from backend.handoffs import snapshot
from backend.sessions.mapping import known_person, person, ticket


def handoff(row: AnyRow, timeline: list[AnyRow], deliveries: list[AnyRow], opened: list[AnyRow]) -> Handoff:
    """The whole handoff with its escalation package."""
    package = EscalationPackage(
        reason=row.reason,
        need=row.need,
        impact=row.impact,
        snapshot=snapshot.read(row.snapshot),
        assessment=msgspec.convert(row.assessment, Assessment) if row.assessment is not None else None,
        assessment_status=row.assessment_status,
        assessment_reason=row.assessment_reason,
    )
    return Handoff(
        id=str(row.id),
        session_id=str(row.session_id),
        title=row.title,
        customer=row.customer,
        ticket=ticket(row),
        priority=row.priority,
        status=row.status,
        reason=row.reason,
        need=row.need,
        created_at=row.created_at,
        handed_off_by=known_person(row.handed_off_by, row.by_name),
        session_owner=known_person(row.session_owner, row.owner_name),
        target_user_id=str(row.target_user_id) if row.target_user_id else None,
        claimed_by=person(row.claimed_by, row.holder_name),
        claimed_at=row.claimed_at,
        assessment_status=row.assessment_status,
        impact=row.impact,
        claim_epoch=row.claim_epoch,
        escalation_package=package,
        timeline=[
            TimelineEntry(at=e.at, kind=e.kind, actor=person(e.actor_id, e.actor_name), detail=e.detail)
            for e in timeline
        ],
        deliveries=[
            Delivery(
                user=known_person(d.user_id, d.name),
                channel=d.channel,
                state=d.state,
                at=d.at,
                detail=d.detail,
                retry_at=d.retry_at,
            )
            for d in deliveries
        ],
        resolved_at=row.resolved_at,
        outcome=row.outcome,
        had_what_i_needed=row.had_what_i_needed,
        missing=row.missing,
        resolution=row.resolution,
        first_action_at=row.first_action_at,
        first_action_kind=row.first_action_kind,
        first_action_claimed_at=row.first_action_claimed_at,
        rung=row.rung,
        to=[str(one) for one in row.alert_to] if row.alert_to is not None else None,
        breaks_dnd=row.card["breaks_dnd"],
        waiting_since=row.waiting_since,
        next_step=msgspec.convert(row.next_step, NextStep) if row.next_step else None,
        exhausted_at=row.exhausted_at,
        opened=[Opened(user=known_person(one.user_id, one.name), at=one.at) for one in opened],
        assessment_rejected=_rejected(row),
        guidance_message_id=str(row.guidance_id) if row.guidance_id else None,
    )


def _rejected(row: AnyRow) -> Rejected | None:
    if row.assessment_rejected_at is None:
        return None
    by = known_person(row.assessment_rejected_by, row.rejecter_name)
    return Rejected(by=by, at=row.assessment_rejected_at, why=row.assessment_rejected_why)
