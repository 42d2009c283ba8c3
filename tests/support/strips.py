"""Hand-offs in every state of being told, for what is drawn of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from backend.contract.handoffs import Delivery, EscalationPackage, Handoff, NextStep, Snapshot, TimelineEntry
from backend.contract.people import Person
from backend.contract.vocabulary import Channel, DeliveryState

NOON: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINA, DANA, LEE, SAM, MARCUS = (
    Person(id=n, name=n) for n in ("Mina Okafor", "Dana Reyes", "Lee Park", "Sam Whitlock", "Marcus Hale")
)
DESKS: Final = {DANA.id: "desktop", LEE.id: "desktop"}


def at(minutes: float) -> datetime:
    """So many minutes after the escalation."""
    return NOON + timedelta(minutes=minutes)


def delivery(
    who: Person,
    state: DeliveryState,
    channel: Channel = "desktop",
    detail: str | None = None,
    *,
    minutes: float = 0,
    retry: float | None = None,
) -> Delivery:
    """How one person was told."""
    retry_at = None if retry is None else at(retry)
    return Delivery(user=who, channel=channel, state=state, at=at(minutes), detail=detail, retry_at=retry_at)


def happened(kind: str, minutes: float, actor: Person | None = None, detail: str | None = None) -> TimelineEntry:
    """One entry of the timeline."""
    return TimelineEntry(at=at(minutes), kind=kind, actor=actor, detail=detail)


def everyone_again(minutes: float) -> NextStep:
    """The policy's next alert to everyone."""
    return NextStep(at=at(minutes), kind="step", who=["everyone"], names=[])


def owner_next(minutes: float) -> NextStep:
    """The policy's last step."""
    return NextStep(at=at(minutes), kind="step", who=["owner"], names=[MARCUS.name], final=True)


def repeat(minutes: float) -> NextStep:
    """The last round once more."""
    return NextStep(at=at(minutes), kind="repeat", who=["owner"], names=[MARCUS.name])


def handoff(*deliveries: Delivery, **fields: object) -> Handoff:
    """A waiting hand-off; `fields` change anything of it."""
    snapshot = Snapshot(
        taken_at=NOON,
        title="VPN drops",
        problem="Hourly.",
        customer="Harlow",
        ticket=None,
        owner=MINA,
        messages=[],
        facts=[],
        steps=[],
        message_count=0,
    )
    package = EscalationPackage(
        reason="No access.",
        need="Access.",
        impact=None,
        snapshot=snapshot,
        assessment=None,
        assessment_status="unavailable",
    )
    plain = Handoff(
        id="h",
        session_id="s",
        title="VPN drops",
        customer="Harlow",
        ticket=None,
        priority="high",
        status="pending",
        reason="No access.",
        need="Access.",
        created_at=NOON,
        handed_off_by=MINA,
        session_owner=MINA,
        target_user_id=None,
        claimed_by=None,
        claimed_at=None,
        assessment_status="unavailable",
        impact=None,
        claim_epoch=0,
        escalation_package=package,
        timeline=[],
        deliveries=list(deliveries),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # the names are checked by `replace` itself


def every_state() -> dict[str, Handoff]:
    """Each state of the strip that the server draws, by name."""
    shown = [delivery(DANA, "shown"), delivery(LEE, "shown"), delivery(SAM, "accepted", "email", minutes=0.2)]
    mailed = [delivery(one, "accepted", "email") for one in (DANA, LEE, SAM)]
    crowd = [
        Person(id=f"p{n}", name=f"Person {chr(65 + n % 26)}{n} Of A Very Long Double-Barrelled Name") for n in range(40)
    ]
    many = [delivery(one, ("shown", "suppressed", "shown", "failed")[n % 4]) for n, one in enumerate(crowd)]
    many += [delivery(one, "accepted", "email") for one in crowd[1::4]]
    many += [delivery(one, "failed", "email", "550 no such mailbox") for one in crowd[3::8]]
    many += [delivery(one, "pending", "email") for one in crowd[7::8]]
    claimed = {"status": "claimed", "claimed_by": DANA, "claimed_at": at(4.25)}
    again = happened("realerted", 5, detail="Everyone again")
    final = [again, happened("realerted", 15, detail="Marcus Hale"), happened("exhausted", 15)]
    back = {"waiting_since": at(9), "next_step": everyone_again(14)}
    return {
        "sending": handoff(delivery(DANA, "pending"), delivery(LEE, "pending"), next_step=everyone_again(5)),
        "finding": handoff(delivery(DANA, "cancelled")),
        "nobody-eligible": handoff(),
        "delivered": handoff(*shown, next_step=everyone_again(5)),
        "partly": handoff(
            delivery(DANA, "suppressed", detail="do_not_disturb"),
            delivery(DANA, "accepted", "email"),
            delivery(LEE, "shown"),
            delivery(SAM, "failed", "email", "550 5.1.1 no such mailbox"),
            delivery(MARCUS, "suppressed", detail="quiet_hours"),
            delivery(Person(id="n", name="Nia Obi"), "failed", "email", "451 try again later", retry=10),
            delivery(Person(id="o", name="Oli Berg"), "unknown", "email"),
            delivery(Person(id="t", name="Teams"), "accepted", "webhook"),
            next_step=everyone_again(5),
        ),
        "nobody-on": handoff(*mailed, next_step=owner_next(15)),
        "nobody-told": handoff(
            delivery(DANA, "suppressed", detail="locked"),
            delivery(SAM, "failed", "email", "no mail server is configured"),
            next_step=everyone_again(5),
        ),
        "escalated": handoff(*shown, timeline=[again], next_step=owner_next(15)),
        "exhausted": handoff(
            *shown,
            delivery(MARCUS, "accepted", "email", minutes=15),
            timeline=final,
            exhausted_at=at(15),
            next_step=repeat(30),
        ),
        "claimed": handoff(**claimed),
        "claimed-reminded": handoff(
            delivery(DANA, "shown", minutes=20),
            **claimed,
            timeline=[happened("nudged", 20)],
            next_step=NextStep(at=at(35), kind="return", who=["claimer"], names=[DANA.name]),
        ),
        "handed-back": handoff(
            delivery(LEE, "shown", minutes=9),
            delivery(SAM, "accepted", "email", minutes=9),
            timeline=[happened("released", 9, DANA, "I am on a call until 11:15.")],
            **back,
        ),
        "handed-back-idle": handoff(
            delivery(LEE, "shown", minutes=9),
            timeline=[happened("released", 9, None, "No first action in 30 min")],
            **back,
        ),
        "withdrawn": handoff(status="withdrawn"),
        "resolved": handoff(status="resolved", claimed_by=DANA, resolved_at=at(40)),
        "crowd": handoff(*many, next_step=everyone_again(5)),
    }
