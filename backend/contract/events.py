"""The event stream's frames, both directions, and its close codes.

Every frame is one JSON object in one text message of at most 64 KiB. The `type` field tells them apart.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.contract.people import UserView
from backend.contract.vocabulary import EventKind, ReceiptState, TrialState

PROTOCOL: Final = 1
MAX_FRAME_BYTES: Final = 65_536

CLOSE_RESTARTING: Final = 1012
CLOSE_PROTOCOL: Final = 4400
CLOSE_TOKEN: Final = 4401
CLOSE_NOT_ALLOWED: Final = 4403
CLOSE_TOO_SLOW: Final = 4408
CLOSE_TOO_MANY: Final = 4429


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """First frame of the server. `heartbeat_s` is in seconds; `server_time` corrects the client's clock.

    `takes` names the client's frames that came after the first release: one that is not named here would close the
    stream with 4400, so a newer client keeps it to itself.
    """

    type: str = "hello"
    protocol: int = PROTOCOL
    epoch: str
    head: int
    heartbeat_s: int
    server_time: datetime
    user: UserView
    takes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the account's log. `prev` is the last position told to this client; `data` makes a toast."""

    type: str = "event"
    seq: int
    prev: int
    kind: EventKind
    at: datetime
    replay: bool
    data: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A client whose cursor stays behind `head` for 5 s asks again."""

    type: str = "heartbeat"
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The log cannot serve the position asked for: fetch the queue, go on from its `seq`."""

    type: str = "reset"
    epoch: str
    head: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """Comes before a planned close; `retry_after_ms` spreads the return of many clients."""

    type: str = "bye"
    retry_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAlert:
    """A test notification, to the sign-in that asked for one: `sent`, then what its own receipt said, and when.

    It is answered by a receipt with this `id` in place of a handoff's. No log, delivery or figure knows of it.
    """

    type: str = "test"
    id: str
    asked_at: datetime
    state: TrialState
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReceipt:
    """Body of `POST /devices/test-notification/receipts`: what became of the test notification `id`."""

    id: UUID
    state: ReceiptState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Client: send everything after this position, then go live."""

    type: str = "resume"
    after: int
    epoch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Client: this alert was shown to the user, or why not.

    `rung` is the round that was shown, as the queue row or event told it; without it the round at hand is meant.
    """

    type: str = "receipt"
    handoff_id: str
    state: ReceiptState
    reason: str | None = None
    rung: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReceipt:
    """Body of `POST /handoffs/{id}/receipts`: what `Receipt` says, for clients that read the log by requests."""

    state: ReceiptState
    reason: str | None = None
    rung: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Client: alerts are held back here from now on, `do_not_disturb` or `quiet_hours`; null: they are shown again.

    `until` is when that ends by itself. Only for a server whose greeting `takes` it: once after each greeting while it
    is so, and whenever it changes. It tells people where an alert would end up before they escalate; what came of one
    is said by receipts alone. Clients that read by requests say it with each one.
    """

    type: str = "holding"
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Client: applied up to here; at most every 2 s."""

    type: str = "ack"
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauth:
    """Client: a newer access token of the same device, so that the socket outlives the one it was opened with."""

    type: str = "reauth"
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Answer of `GET /events?after=`: the same events as on the socket. `reset` tells that `after` cannot be served.

    `test` is there only when a test notification that this app asked for has come.
    """

    events: list[Event]
    head: int
    epoch: str
    reset: bool = False
    test: TrialAlert | None = None
