"""The event stream's client without its socket: frames and time in, effects out.

It owns the cursor. Every event is applied once and in order: a duplicate (`seq` at or before the cursor) is dropped, a
gap (`prev` behind which something is missing) asks again from the cursor, a position the log cannot serve fetches the
queue and goes on from its `seq`. While nothing is applied that could be, asking again slows down from 5 s to 60 s.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.events import Ack, Bye, Event, Heartbeat, Hello, Receipt, Reset, Resume, TrialAlert
from backend.contract.people import UserView
from desktop.core.frames import BadFrameError, Skip, decode, encode

BEHIND_S: Final = 5.0
BEHIND_MAX_S: Final = 60.0
ACK_EVERY_S: Final = 2.0
SILENCE_FACTOR: Final = 2.2
"""Heartbeats without a word: 22 s with the server's 10, so that a dead link is noticed within 25 s."""
HELLO_WITHIN_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text frame."""

    text: str


@dataclass(frozen=True, slots=True)
class Greeted:
    """The server said who we are, what time it is, and which newer frames it takes."""

    user: UserView
    server_time: datetime
    takes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply this event; it comes once and in order."""

    event: Event


@dataclass(frozen=True, slots=True)
class Refetch:
    """Fetch the queue, then call `queue_loaded` with its `seq`."""

    reason: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything up to the head that the server named at the start has been applied."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The server's heartbeat, and there is nothing of the log left to read."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test notification, or the server's word on its receipt."""

    alert: TrialAlert


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the socket. `retry_after_s` is the server's wish, else the backoff decides."""

    reason: str
    retry_after_s: float | None = None


Effect = Send | Greeted | Apply | Refetch | CaughtUp | Beat | Tested | HangUp


class Feed:
    """One client's place in one account's log. `now` is always monotonic seconds."""

    def __init__(self) -> None:
        self.cursor: int | None = None
        self.epoch: str | None = None
        self.last_heard: float | None = None
        self._head = 0
        self._live = False
        self._resumed = False
        self._silence_s = HELLO_WITHIN_S
        self._heard_at: float | None = None
        self._behind_at: float | None = None
        self._asked = 0
        self._gap_at: int | None = None
        self._acked = -1
        self._acked_at = float("-inf")

    def opened(self, now: float) -> None:
        """A socket is open; `hello` has to come soon."""
        self._silence_s = HELLO_WITHIN_S
        self._heard_at = now
        self._live = self._resumed = False
        self._behind_at = self._gap_at = None
        self._asked = 0

    def closed(self) -> None:
        """The socket is gone; nothing is due until the next one."""
        self._heard_at = self._behind_at = None
        self._live = self._resumed = False

    def received(self, text: str | bytes, now: float) -> list[Effect]:  # noqa: PLR0911 - one return for each frame
        """Take one frame."""
        self._heard_at = self.last_heard = now
        try:
            frame = decode(text)
        except BadFrameError as exc:
            return [HangUp(f"bad frame: {exc}")]
        match frame:
            case Hello():
                return self._hello(frame, now)
            case Event() | Skip():
                return self._event(frame, now)
            case Heartbeat():
                return self._heartbeat(frame, now)
            case Reset():
                self.epoch, self.cursor, self._head = frame.epoch, None, frame.head
                return self._refetch(frame.reason)
            case Bye():
                return [HangUp("bye", frame.retry_after_ms / 1000)]
            case TrialAlert():
                return [Tested(frame)]
            case None:
                return []

    def queue_loaded(self, seq: int, now: float) -> list[Effect]:
        """The queue has been fetched and reflects `seq`: go on from there."""
        self.cursor = seq
        self._acked = seq
        return self._resume(now)

    def on_time(self, now: float) -> list[Effect]:
        """A deadline has come (or not yet; then nothing happens)."""
        effects: list[Effect] = []
        if self._heard_at is not None and now >= self._heard_at + self._silence_s:
            return [HangUp(f"silent for {self._silence_s:.0f} s")]
        if self._behind_at is not None and now >= self._ask_again_at():
            self._asked += 1
            effects += self._resume(now)
        if self._ack_due() and now >= self._acked_at + ACK_EVERY_S:
            effects.append(self._ack(now))
        return effects

    @property
    def deadline(self) -> float | None:
        """When `on_time` has something to do, or null."""
        times = []
        if self._heard_at is not None:
            times.append(self._heard_at + self._silence_s)
        if self._behind_at is not None:
            times.append(self._ask_again_at())
        if self._ack_due():
            times.append(self._acked_at + ACK_EVERY_S)
        return min(times, default=None)

    @staticmethod
    def receipt(receipt: Receipt) -> Send:
        """The frame for one receipt."""
        return Send(encode(receipt))

    def _hello(self, frame: Hello, now: float) -> list[Effect]:
        self._silence_s = SILENCE_FACTOR * max(1, frame.heartbeat_s)
        greeted = Greeted(frame.user, frame.server_time, frozenset(frame.takes))
        known = self.epoch == frame.epoch and self.cursor is not None and self.cursor <= frame.head
        self._head = frame.head
        if not known:
            reason = "first start" if self.epoch is None else "another epoch"
            self.epoch, self.cursor = frame.epoch, None
            return [greeted, *self._refetch(reason)]
        return [greeted, *self._resume(now)]

    def _heartbeat(self, frame: Heartbeat, now: float) -> list[Effect]:
        self._head = max(self._head, frame.head)
        self._check_behind(now)
        return [Beat()] if self._live and self.cursor == self._head else []

    def _event(self, frame: Event | Skip, now: float) -> list[Effect]:
        if not self._resumed or self.cursor is None or frame.seq <= self.cursor:
            return []
        self._head = max(self._head, frame.seq)
        if frame.prev > self.cursor:
            if self._gap_at == self.cursor:
                return []
            self._gap_at = self.cursor
            return self._resume(now)
        self.cursor = frame.seq
        self._behind_at, self._asked = None, 0
        self._check_behind(now)
        effects: list[Effect] = [Apply(frame)] if isinstance(frame, Event) else []
        effects += self._caught_up()
        if self._ack_due() and now >= self._acked_at + ACK_EVERY_S:
            effects.append(self._ack(now))
        return effects

    def _resume(self, now: float) -> list[Effect]:
        self._resumed = True
        self._behind_at = None
        self._check_behind(now)
        return [Send(encode(Resume(after=self.cursor or 0, epoch=self.epoch))), *self._caught_up()]

    def _refetch(self, reason: str) -> list[Effect]:
        self._resumed = self._live = False
        self._behind_at = None
        return [Refetch(reason)]

    def _caught_up(self) -> list[Effect]:
        if self._live or self.cursor is None or self.cursor < self._head:
            return []
        self._live = True
        return [CaughtUp()]

    def _check_behind(self, now: float) -> None:
        behind = self._resumed and self.cursor is not None and self.cursor < self._head
        if not behind:
            self._behind_at, self._asked = None, 0
        elif self._behind_at is None:
            self._behind_at = now

    def _ask_again_at(self) -> float:
        return (self._behind_at or 0.0) + min(BEHIND_MAX_S, BEHIND_S * 2.0**self._asked)

    def _ack_due(self) -> bool:
        return self._resumed and self.cursor is not None and self.cursor > self._acked

    def _ack(self, now: float) -> Send:
        self._acked = self.cursor or 0
        self._acked_at = now
        return Send(encode(Ack(seq=self._acked)))
