"""What the screen is told to show: the one border between the rules and what draws them.

The rules make these values, the widgets draw them and answer with signals; neither looks past this module.
All times are aware UTC datetimes in the server's clock.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from backend.contract.handoffs import Handoff
from backend.contract.people import UserView
from backend.contract.sessions import TicketRef
from backend.contract.vocabulary import Priority

ConnectionState = Literal["connecting", "connected", "reconnecting", "offline", "signed_out", "role_changed"]
TrayState = Literal["idle", "waiting", "urgent", "dnd", "reconnecting", "offline", "signedOut"]
ToastVariant = Literal[
    "new", "reminder", "nudge", "digest", "claimed", "lost", "offline", "unknown", "handed_back", "test"
]
ToastAction = Literal["claim", "view", "open_session", "open_queue", "dismiss", "retry", "diagnostics"]
OutcomeKind = Literal["claimed", "lost", "withdrawn", "offline", "unknown", "own", "error"]
ProbeState = Literal["running", "good", "bad", "left_out"]
PrimaryKind = Literal["claim", "claiming", "open", "next", "reserved", "sign_in", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """The link to the server. `since` is when the state began; `retry_at` the next attempt while down."""

    state: ConnectionState
    server: str
    since: datetime | None = None
    last_update: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One line of the queue. `outcome` replaces the priority line once the row is no longer waiting."""

    id: str
    session_id: str
    title: str
    customer: str
    ticket: TicketRef | None
    priority: Priority
    from_name: str
    for_you: bool
    waiting_since: datetime
    claimable: bool
    outcome: str | None = None
    outcome_kind: OutcomeKind | None = None
    waited: timedelta | None = None  # how long it waited, once it no longer does; the clock then stands still
    reserved: str | None = None  # for whom alone it is and until when, to everybody else


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedView:
    """One line of the foot: claimed in the last 15 minutes."""

    id: str
    title: str
    claimer: str
    claimed_at: datetime
    waited: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """The list, as the server last told it. `loaded` is false until the first page arrived."""

    connection: ConnectionView
    rows: tuple[RowView, ...] = ()
    loaded: bool = False
    me: UserView | None = None
    claimed_recently: tuple[ClaimedView, ...] = ()
    dnd_until: datetime | None = None
    dnd_on: bool = False
    clock_offset: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class BannerView:
    """An outcome in place, above the detail. `title` is one sentence, `text` what follows from it."""

    kind: OutcomeKind
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailView:
    """The right side for the selected row. `handoff` is null while loading or when loading failed (`error`)."""

    row: RowView
    handoff: Handoff | None = None
    error: str | None = None
    banner: BannerView | None = None
    primary: PrimaryKind = "claim"
    can_hand_back: bool = False
    stale: bool = False
    presence: str | None = None  # who is in the session, where the server tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class TrayView:
    """State, badge and words of the tray icon. `next_row` is what *Claim next* would claim."""

    state: TrayState
    count: int
    tooltip: str
    status_line: str
    next_row: RowView | None = None
    dnd_on: bool = False


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of the connection test, in words."""

    name: str
    state: ProbeState
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToastView:
    """One notification. `id` is the handoff's id, or `digest`/`test`; `stays_s` null means until acted on.

    `note` stands at the top right ("Repeats every 60 s"); `for_you` writes "For you" there when there is no note.
    `at` is the time of an outcome, shown at the foot of `claimed`.
    """

    id: str
    variant: ToastVariant
    title: str
    body: str
    priority: Priority | None = None
    customer: str | None = None
    from_name: str | None = None
    buttons: tuple[tuple[ToastAction, str], ...] = ()
    urgent: bool = False
    for_you: bool = False
    stays_s: float | None = 20.0
    sound: bool = field(default=False)
    repeats: bool = False  # the sound, until somebody acts on it
    note: str | None = None
    at: datetime | None = None
