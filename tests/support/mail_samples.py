"""Hand-offs as mails are made from them: the one of the drawing, and those that try to break out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.contract.handoffs import Assessment, EscalationPackage, Handoff, NextStep, Snapshot, TimelineEntry
from backend.contract.people import Person
from backend.contract.sessions import Step, TicketRef
from backend.contract.vocabulary import StepOutcome
from backend.mail.handoff_mail import HandoffMail

AT: Final = datetime(2026, 11, 20, 10, 42, tzinfo=UTC)
MINA: Final = Person(id="u-mina", name="Mina Okafor")
DANA: Final = Person(id="u-dana", name="Dana Reyes")
SAM_ADDRESS: Final = "sam.whitlock@northbeam.example"
DOMAIN: Final = "northbeam.example"
HEADERS: Final = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
TRIED: Final[tuple[tuple[str, StepOutcome], ...]] = (
    ("Restarted the tunnel from the clinic side", "helped"),
    ("Checked the clinic line: 500 pings, no loss", "no_change"),
    ("Updated the clinic firewall to 7.2.8", "no_change"),
    ("Compare phase 2 settings at head office: no access", "blocked"),
)


def step(action: str, outcome: StepOutcome = "no_change", detail: str | None = None) -> Step:
    """One step, by Mina."""
    return Step(id="s", author=MINA, action=action, outcome=outcome, detail=detail, created_at=AT)


def handoff(**changes: Any) -> Handoff:
    """The hand-off of the drawing. `need`, `reason`, `impact`, `assessment`, `steps` go into its package."""
    need = changes.pop("need", "Someone with head office firewall access to compare the phase 2 settings on both ends.")
    reason = changes.pop("reason", "I have no access to the head office firewall.")
    impact = changes.pop(
        "impact",
        "22 staff at the Leeds clinic lose the practice system for 1 to 2 minutes each hour. Patient check-in stops.",
    )
    assessment = changes.pop(
        "assessment",
        Assessment(
            source="model",
            likely_cause="Phase 2 key lifetime differs between the two firewalls, so renewal fails once an hour.",
            confidence=0.82,
            next_steps=["compare the phase 2 lifetime on both firewalls. The clinic side is 3600\u00a0s."],
        ),
    )
    steps = changes.pop("steps", [step(action, outcome) for action, outcome in TRIED])
    title = changes.pop("title", "VPN to Leeds clinic drops every hour")
    customer = changes.pop("customer", "Harlow Dental Group")
    ticket = changes.pop("ticket", TicketRef(system="connectwise", id="20418"))
    snapshot = Snapshot(
        taken_at=AT,
        title=title,
        problem="The tunnel drops.",
        customer=customer,
        ticket=ticket,
        owner=MINA,
        messages=[],
        facts=[],
        steps=steps,
        message_count=0,
    )
    made = Handoff(
        id="h-1045",
        session_id="s-1",
        title=title,
        customer=customer,
        ticket=ticket,
        priority="high",
        status="pending",
        reason=reason,
        need=need,
        created_at=AT,
        handed_off_by=MINA,
        session_owner=MINA,
        target_user_id=None,
        claimed_by=None,
        claimed_at=None,
        assessment_status="ready" if assessment else "pending",
        waiting_since=AT,
        impact=impact,
        claim_epoch=0,
        escalation_package=EscalationPackage(
            reason=reason,
            need=need,
            impact=impact,
            snapshot=snapshot,
            assessment=assessment,
            assessment_status="ready" if assessment else "pending",
        ),
        timeline=[TimelineEntry(at=AT, kind="created", actor=MINA)],
        deliveries=[],
    )
    return replace(made, **changes)


def claimed(by: Person = DANA) -> Handoff:
    """The same, two minutes later."""
    at = AT + timedelta(minutes=2)
    return handoff(
        status="claimed",
        claimed_by=by,
        claimed_at=at,
        claim_epoch=1,
        next_step=NextStep(at=at + timedelta(minutes=30), kind="return", who=["claimer"], names=[by.name]),
    )


def ended(kind: str, status: str, by: Person | None) -> Handoff:
    """The same, withdrawn, resolved or handed back."""
    at = AT + timedelta(minutes=12)
    return handoff(
        status=status,
        resolved_at=at if status == "resolved" else None,
        waiting_since=at if kind == "released" else AT,
        timeline=[TimelineEntry(at=at, kind=kind, actor=by)],
    )


def message_id(number: int, domain: str = DOMAIN) -> str:
    """One of a thread's identifiers, as long as the real ones."""
    return f"<{number:032x}@{domain}>"


def mail(of: Handoff | None = None, **changes: Any) -> HandoffMail:
    """The mail of the drawing, to Sam."""
    made = HandoffMail(
        handoff=of or handoff(),
        account_name="Northbeam IT",
        timezone="UTC",
        recipient_name="Sam Whitlock",
        recipient_address=SAM_ADDRESS,
        purpose="alert",
        link="https://flowpilot.example/escalations?h=h-1045",
        settings_link="https://flowpilot.example/settings/notifications",
        why="You get this because your desktop app was offline at 10:42.",
        also_told="Also told: Dana Reyes and Lee Park, on their desktops.",
        waited="9 min",
        mail_from=f"escalations@{DOMAIN}",
        message_id=message_id(0),
        sent_at=AT + timedelta(seconds=15),
    )
    return replace(made, **changes)
