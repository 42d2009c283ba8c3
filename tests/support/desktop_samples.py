"""Sample views for the desktop's windows: one shop, one morning, every state. Times are fixed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from backend.contract.handoffs import Assessment, EscalationPackage, Handoff, Snapshot, TimelineEntry
from backend.contract.people import Person, UserView
from backend.contract.sessions import Fact, Message, Step, TicketRef
from backend.contract.vocabulary import AuthorKind, Priority, StepOutcome
from desktop.core.views import (
    BannerView,
    ClaimedView,
    ConnectionState,
    ConnectionView,
    DetailView,
    OutcomeKind,
    PrimaryKind,
    QueueView,
    RowView,
)

# Half past ten in the morning, local time, so that pictures show the same clock everywhere.
NOW: Final = datetime(2026, 11, 20, 10, 46, 20).astimezone().astimezone(UTC)
MINA: Final = Person(id="u-mina", name="Mina Okafor")
LEE: Final = Person(id="u-lee", name="Lee Park")
DANA: Final = Person(id="u-dana", name="Dana Reyes")
ABOUT: Final = [
    ("Connection", "Live for 2 h 14 min, last heartbeat 3 s ago, 41 ms"),
    ("Server", "flowpilot.northbeam.example, 1.0.0"),
    ("Signed in as", "Dana Reyes, Senior engineer"),
    ("This device", "DANA-LT-04, registered 3 Nov 2026"),
    ("Notifications", "System service, buttons supported. Last test shown 09:13"),
    ("Delivery check", "Last escalation shown 0.6 s after it was sent"),
    ("Credentials", "In the system keyring"),
    ("Proxy", "From the system: none"),
    ("Sound", "paplay"),
    ("Tray", "Yes"),
    ("System", "Linux 6.12.9, Qt 6.11.0, Python 3.11.7"),
    ("Profile", "default"),
    (
        "Logs",
        f"/home/dana/{'a-rather-long-folder-name-that-has-no-spaces/' * 2}tray.log, 4 MB at most, no customer text",
    ),
]


def ago(seconds: float) -> datetime:
    """A moment before `NOW`."""
    return NOW - timedelta(seconds=seconds)


def row(
    row_id: str, customer: str, title: str, priority: Priority, from_name: str, waited: float, *, for_you: bool = False
) -> RowView:
    """One waiting row."""
    return RowView(
        id=row_id,
        session_id=f"s-{row_id}",
        title=title,
        customer=customer,
        ticket=TicketRef(system="connectwise", id="20418", url="https://psa.example.com/20418"),
        priority=priority,
        from_name=from_name,
        for_you=for_you,
        waiting_since=ago(waited),
        claimable=True,
    )


def rows() -> tuple[RowView, ...]:
    """Five waiting rows, sorted as the queue is."""
    return (
        row("h1", "Kestrel Logistics", "Domain controller down, 60 users locked out", "urgent", "Tom Birch", 108),
        row(
            "h2",
            "Harlow Dental Group",
            "VPN to Leeds clinic drops every hour",
            "high",
            "Mina Okafor",
            252,
            for_you=True,
        ),
        row("h3", "Brightwater Accounting", "Outlook asks for a password after MFA reset", "high", "Priya Nair", 570),
        row("h4", "Osprey Architects", "Plotter prints blank pages after driver update", "normal", "Mina Okafor", 965),
        row("h5", "Maple Grove School", "Intune enrolment stuck on two loan laptops", "low", "Tom Birch", 4240),
    )


def connection(state: ConnectionState = "connected") -> ConnectionView:
    """The link in one state."""
    down = state in ("offline", "reconnecting")
    return ConnectionView(
        state=state,
        server="flowpilot.northbeam.example",
        since=ago(48),
        last_update=ago(18),
        retry_at=NOW + timedelta(seconds=8) if down else None,
    )


def queue(
    *,
    state: ConnectionState = "connected",
    rows: tuple[RowView, ...] | None = None,
    loaded: bool = True,
    dnd: bool = False,
) -> QueueView:
    """The queue as last told."""
    shown = globals()["rows"]() if rows is None else rows
    return QueueView(
        connection=connection(state),
        rows=shown if loaded else (),
        loaded=loaded,
        me=UserView(id="u-dana", name="Dana Reyes", email="dana@northbeam.example", role="engineer"),
        claimed_recently=(
            ClaimedView(
                id="c1",
                title="Shared mailbox missing after migration",
                claimer="Lee Park",
                claimed_at=ago(920),
                waited=timedelta(seconds=66),
            ),
            ClaimedView(
                id="c2",
                title="Backup job fails with error 0x80042306 on the second file server",
                claimer="Dana Reyes",
                claimed_at=ago(1100),
                waited=timedelta(seconds=190),
            ),
        ),
        dnd_on=dnd,
        dnd_until=NOW + timedelta(hours=3) if dnd else None,
    )


def _step(number: int, action: str, outcome: StepOutcome, detail: str | None, seconds: float) -> Step:
    return Step(id=f"st{number}", author=MINA, action=action, outcome=outcome, detail=detail, created_at=ago(seconds))


def _message(number: int, author: Person | None, kind: AuthorKind, content: str, seconds: float) -> Message:
    return Message(id=f"m{number}", author=author, author_kind=kind, content=content, created_at=ago(seconds))


STEPS: Final = [
    _step(1, "Restarted the tunnel from the clinic side", "helped", None, 3860),
    _step(2, "Checked the clinic line: 500 pings, no loss", "no_change", None, 3260),
    _step(3, "Updated the clinic firewall to 7.2.8", "no_change", None, 1940),
    _step(4, "Compare phase 2 settings at head office: no access", "blocked", None, 620),
]
FACTS: Final = [
    Fact(id=f"f{place}", author=MINA, label=name, value=value, created_at=ago(3000 - place))
    for place, (name, value) in enumerate(
        (
            ("Clinic firewall", "FortiGate 60F, 7.2.8"),
            ("Head office firewall", "FortiGate 100F, version unknown"),
            ("Drops today", "7, each 60 min apart, last at 10:41"),
            ("Log at each drop", "no proposal chosen"),
            ("Phase 2 lifetime, clinic", "3600 s"),
            ("Began", "18 Nov, after the head office change window"),
        )
    )
]
MESSAGES: Final = [
    *(_message(number, MINA, "user", f"Note {number} of the morning.", 4000 - number * 60) for number in range(6)),
    _message(31, MINA, "user", "It dropped again at 9:41, right when I expected. Same message in the log.", 920),
    _message(
        32,
        None,
        "assistant",
        "Six drops, each 60 minutes apart, each with “no proposal chosen”. That points to key renewal, not the line. "
        "Next: compare the phase 2 lifetime on the head office firewall.",
        860,
    ),
    _message(33, MINA, "user", "I do not have a login for the head office firewall.", 620),
]
ASSESSMENT: Final = Assessment(
    source="model",
    likely_cause="Phase 2 key lifetime differs between the two firewalls, so renewal fails once an hour.",
    confidence=0.82,
    why="7 of 7 drops are 60 minutes apart, each with “no proposal chosen” in the log.",
    next_steps=[
        "Compare the phase 2 lifetime on both firewalls. The clinic side is 3600 s.",
        "If they differ, set both to 3600 s and renew the tunnel outside check-in hours.",
        "If they match, capture an IKE debug at the next drop, due 11:41.",
    ],
)


def package(
    *,
    assessment: Assessment | None = ASSESSMENT,
    steps: list[Step] | None = None,
    facts: list[Fact] | None = None,
    messages: list[Message] | None = None,
) -> EscalationPackage:
    """What the senior needs."""
    talk = MESSAGES if messages is None else messages
    return EscalationPackage(
        reason="I cannot see the head office firewall, and the drops line up with the key renewal.",
        need="Someone with head office firewall access to compare the phase 2 settings on both ends.",
        impact="22 staff at the Leeds clinic lose the practice system for 1 to 2 minutes each hour. "
        "Patient check-in stops.",
        snapshot=Snapshot(
            taken_at=ago(252),
            title="VPN to Leeds clinic drops every hour",
            problem="The tunnel drops.",
            customer="Harlow Dental Group",
            ticket=None,
            owner=MINA,
            messages=talk,
            facts=FACTS if facts is None else facts,
            steps=STEPS if steps is None else steps,
            message_count=len(talk),
        ),
        assessment=assessment,
        assessment_status="ready" if assessment else "unavailable",
    )


def handoff(shown: EscalationPackage | None = None, *, handoff_id: str = "h2") -> Handoff:
    """The whole hand-off behind a row."""
    shown = shown or package()
    return Handoff(
        id=handoff_id,
        session_id=f"s-{handoff_id}",
        title="VPN to Leeds clinic drops every hour",
        customer="Harlow Dental Group",
        ticket=None,
        priority="high",
        status="pending",
        reason=shown.reason,
        need=shown.need,
        created_at=ago(252),
        handed_off_by=MINA,
        session_owner=MINA,
        target_user_id="u-dana",
        claimed_by=None,
        claimed_at=None,
        assessment_status=shown.assessment_status,
        impact=shown.impact,
        claim_epoch=0,
        escalation_package=shown,
        timeline=[
            TimelineEntry(at=ago(252), kind="created", actor=MINA, detail=None),
            TimelineEntry(at=ago(130), kind="realerted", actor=None, detail=None),
            TimelineEntry(at=ago(60), kind="released", actor=LEE, detail="Called out to a site, back at noon."),
        ],
        deliveries=[],
    )


def detail(*, stale: bool = False, primary: PrimaryKind = "claim") -> DetailView:
    """The second row, loaded."""
    return DetailView(
        row=rows()[1], handoff=handoff(), primary=primary, stale=stale, presence="Mina is in the session now"
    )


def reserved() -> tuple[QueueView, DetailView]:
    """The second row kept for somebody else."""
    kept = replace(rows()[1], for_you=False, claimable=False, reserved="For Lee Park until 10:49")
    shown = queue(rows=(rows()[0], kept, *rows()[2:]))
    return shown, replace(detail(primary="reserved"), row=kept)


def loading() -> DetailView:
    """The second row, not yet loaded."""
    return DetailView(row=rows()[1])


def broken() -> DetailView:
    """The second row; its hand-off did not load."""
    error = "The server answered with an error (502). You can still claim; the session has the full context."
    return DetailView(row=rows()[1], error=error)


def without_assessment() -> DetailView:
    """The second row, with too little known for an assessment."""
    return replace(detail(), handoff=handoff(package(assessment=None, facts=[], steps=[], messages=[])))


_AFTER: Final[dict[str, tuple[OutcomeKind, str | None, str, str, PrimaryKind]]] = {
    "lost": (
        "lost",
        "Claimed by Lee Park, 4 s ago",
        "Already claimed by Lee Park 4 s ago",
        "Lee is opening the session. You do not need to do anything.",
        "next",
    ),
    "claimed": (
        "claimed",
        "Claimed by you",
        "Claimed, opening session",
        "Waited 4:14. Mina has been told. The session opens in your browser.",
        "open",
    ),
    "withdrawn": (
        "withdrawn",
        "Withdrawn by Mina Okafor",
        "Withdrawn by Mina Okafor: “Found it.”",
        "",
        "next",
    ),
    "unknown": ("unknown", None, "No answer yet. Checking whether your claim went through.", "", "claiming"),
    "error": (
        "error",
        None,
        "The claim did not go through",
        "The server answered with an error (503). Nothing was changed.",
        "claim",
    ),
}


def after(state: str) -> tuple[QueueView, DetailView]:
    """Queue and detail after a claim was pressed: lost, claimed, withdrawn, unknown or error."""
    kind, outcome, title, text, primary = _AFTER[state]
    told = list(rows())
    if outcome is not None:
        told[1] = replace(told[1], outcome=outcome, outcome_kind=kind, claimable=False, waited=timedelta(seconds=254))
    banner = BannerView(kind=kind, title=title, text=text)
    shown = replace(detail(primary=primary), row=told[1], banner=banner, can_hand_back=kind == "claimed")
    return queue(rows=tuple(told)), shown


LONG_TITLE: Final = (
    "Every remote desktop session at the three northern branches freezes for ninety seconds whenever somebody prints "
    "a purchase order from Sage X3"
)[:140]
LONG_CUSTOMER: Final = "Wolverhampton, Dudley & Stourbridge Orthopaedic Surgeons LLP"[:60]


def long_queue(count: int = 40) -> QueueView:
    """Long names, markup, right-to-left names and many rows."""
    told = [
        replace(
            rows()[1], id="h2", title=LONG_TITLE, customer=LONG_CUSTOMER, from_name="Maximiliana von Hohenstaufen-Meier"
        ),
        row(
            "r1",
            "مجموعة الشرق الأوسط لطب الأسنان",
            "انقطاع الشبكة الخاصة كل ساعة",
            "high",
            "ליאור בן־דוד",
            700,
            for_you=True,
        ),
        row("r2", "<b>Bold & Sons</b>", "<img src=x> shows as text & nothing else", "normal", "Tom <i>Birch</i>", 800),
    ]
    told += [
        row(f"n{number}", f"Customer {number}", f"Problem {number}", "low", "Tom Birch", 3500 + number * 90)
        for number in range(count)
    ]
    return queue(rows=tuple(told))


def long_detail() -> DetailView:
    """40 steps, a hash without spaces, long fact labels."""
    steps = [
        _step(number, f"Step {number}: {LONG_TITLE}" if number % 3 == 0 else f"Step {number}", "no_change", None, 9000)
        for number in range(40)
    ]
    steps[1] = _step(1, "sha256:" + "9f2c" * 32, "worse", "C:\\ProgramData\\" + "very-long-folder-name\\" * 8, 90000)
    facts = [
        *FACTS,
        Fact(
            id="fx",
            author=MINA,
            label="A label that is much longer than labels should be",
            value="y" * 160,
            created_at=NOW,
        ),
    ]
    shown = handoff(package(steps=steps, facts=facts))
    shown = replace(shown, handed_off_by=Person(id="x", name="Maximiliana von Hohenstaufen-Meier"))
    return DetailView(row=long_queue().rows[0], handoff=shown, presence="Maximiliana is in the session now")
