"""Which events become a toast, and what the server is told about it. Pure: changes and time in, effects out.

One handoff is alerted once for each time it starts to wait. Several at once (200 in a second, a reconnect, the end of
do not disturb) make at most three single toasts and one digest that is updated in place. A toast goes as soon as its
handoff no longer waits for anyone. Receipts tell the truth: `shown` is sent by the deck once the notification service
has taken the toast, never from here.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from backend.contract.vocabulary import ReceiptState
from desktop.core import toasts
from desktop.core.inbox import Change
from desktop.core.views import ToastView

SENIOR: Final = frozenset({"engineer", "admin", "owner"})
BURST_WINDOW_S: Final = 2.0
BURST_SINGLES: Final = 3
DIGEST_EVERY_S: Final = 0.5
DIGEST_READ_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Show:
    """Show this toast; once it is up, these handoffs have been shown."""

    view: ToastView
    tells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take this toast away."""

    toast_id: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this receipt now."""

    handoff_id: str
    state: ReceiptState
    reason: str


Alert = Show | Withdraw | Tell


def may_claim(row: QueueRow, me: UserView | None) -> bool:
    """Whether this user may claim: a senior role, and not one's own escalation."""
    return me is not None and me.role in SENIOR and row.handed_off_by.id != me.id


@dataclass(slots=True)
class _Returned:
    """Who handed a waiting handoff back, and what they said."""

    name: str
    note: str | None


class Notifier:
    """The policy of one signed-in user. `now` is monotonic seconds, `wall` the server's UTC time."""

    def __init__(self) -> None:
        self.me: UserView | None = None
        self.muted: str | None = None
        self._catching_up = True
        self._alerted: set[str] = set()
        self._held: set[str] = set()
        self._up: set[str] = set()
        self._digest: set[str] = set()
        self._returned: dict[str, _Returned] = {}
        self._arrivals: deque[float] = deque(maxlen=BURST_SINGLES)
        self._digest_tells: list[str] = []
        self._digest_at: float | None = None
        self._digest_last = float("-inf")
        self._away = False

    @property
    def deadline(self) -> float | None:
        """When a digest is due."""
        return self._digest_at

    def forget(self) -> list[Alert]:
        """Signed out, or another user: take everything away."""
        gone: list[Alert] = [Withdraw(toast_id) for toast_id in sorted(self._up)]
        muted = self.muted
        self.__init__()  # type: ignore[misc] # the initial state is defined once, above
        self.muted = muted
        return gone

    def reconnecting(self) -> None:
        """Hold single toasts until the log has been caught up with."""
        self._catching_up = True

    def changed(self, change: Change, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """One event has been folded in; `waiting` is the sorted queue after it."""
        if change.after is None:
            return self._left(change.handoff_id, now)
        if change.kind == "handoff.released" and change.before is None:
            self._returned[change.handoff_id] = _Returned(change.actor.name if change.actor else "", change.note)
        if self._catching_up:
            return []
        if change.kind == "handoff.realerted" and change.handoff_id in self._alerted:
            return self._remind(change.after, wall)
        if change.handoff_id in self._alerted or not may_claim(change.after, self.me):
            return []
        return self._arrived(change.after, waiting, now, wall)

    def settled(self, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """The state is whole again (start, reconnect, reset): compare all toasts with what waits."""
        self._catching_up = False
        ids = {row.id for row in waiting}
        out: list[Alert] = []
        for toast_id in sorted((self._up | self._alerted | self._held) - ids - {toasts.DIGEST, toasts.TEST}):
            out += self._gone(toast_id)
        fresh = [row for row in waiting if row.id not in self._alerted and may_claim(row, self.me)]
        return out + self._batch(fresh, waiting, now, wall)

    def mute(self, reason: str | None, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """Begin (`do_not_disturb`, `notifications_off`) or end holding toasts."""
        was, self.muted = self.muted, reason
        if reason is not None:
            return []
        held = [row for row in waiting if row.id in self._held]
        self._held.clear()
        return self._batch(held, waiting, now, wall) if was is not None else []

    def on_time(self, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """Update the digest when it is due."""
        if self._digest_at is None or now < self._digest_at:
            return []
        self._digest_at = None
        return self._show_digest(waiting, now, wall, away=self._away and not self._digest_tells)

    def hand_over(self, toast_id: str) -> None:
        """Claim was pressed: the claim flow decides now what this toast says and when it goes."""
        self._up.discard(toast_id)

    def take_back(self, toast_id: str) -> None:
        """The claim came to nothing and the handoff still waits: withdraw the toast when that ends."""
        self._up.add(toast_id)

    def closed(self, toast_id: str) -> None:
        """It left the screen by itself or by the user's hand."""
        self._up.discard(toast_id)
        if toast_id == toasts.DIGEST:
            self._digest.clear()

    def _arrived(self, row: QueueRow, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        self._alerted.add(row.id)
        if self.muted is not None:
            self._held.add(row.id)
            return [Tell(row.id, "suppressed", self.muted)]
        burst = len(self._arrivals) == BURST_SINGLES and now - self._arrivals[0] < BURST_WINDOW_S
        self._arrivals.append(now)
        if not burst:
            return [self._single(row)]
        self._digest.add(row.id)
        self._digest_tells.append(row.id)
        if self._digest_at is None:
            self._digest_at = max(now, self._digest_last + DIGEST_EVERY_S)
        return self.on_time(waiting, now, wall)

    def _batch(self, rows: Sequence[QueueRow], waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        self._alerted |= {row.id for row in rows}
        if self.muted is not None:
            self._held |= {row.id for row in rows}
            return [Tell(row.id, "suppressed", self.muted) for row in rows]
        if len(rows) == 1:
            return [self._single(rows[0])]
        if not rows:
            return []
        self._digest |= {row.id for row in rows}
        self._digest_tells += [row.id for row in rows]
        return self._show_digest(waiting, now, wall, away=True)

    def _single(self, row: QueueRow) -> Show:
        self._up.add(row.id)
        returned = self._returned.get(row.id)
        for_you = self.me is not None and row.target_user_id == self.me.id
        if returned is not None:
            return Show(toasts.handed_back(row, returned.name, returned.note, for_you=for_you), (row.id,))
        return Show(toasts.new(row, for_you=for_you), (row.id,))

    def _remind(self, row: QueueRow, wall: datetime) -> list[Alert]:
        if self.muted is not None:
            return [Tell(row.id, "suppressed", self.muted)]
        self._up.add(row.id)
        return [Show(toasts.reminder(row, wall), (row.id,))]

    def _show_digest(self, waiting: Sequence[QueueRow], now: float, wall: datetime, *, away: bool) -> list[Alert]:
        mine = [row for row in waiting if may_claim(row, self.me)]
        tells, self._digest_tells = tuple(self._digest_tells), []
        if not mine:
            return []
        view = toasts.digest(mine, wall, away=away)
        if not tells:
            # Shorter only: the user has heard of all of them, and the time it stays is not begun anew.
            view = replace(view, sound=False)
        else:
            self._digest_last = now
        self._away = away
        self._up.add(toasts.DIGEST)
        return [Show(view, tells)]

    def _left(self, handoff_id: str, now: float) -> list[Alert]:
        """It waits no more. A digest that is still being read is brought up to date, without a sound."""
        counted = handoff_id in self._digest
        out = self._gone(handoff_id)
        reading = toasts.DIGEST in self._up and now - self._digest_last < DIGEST_READ_S
        if counted and reading and self._digest_at is None:
            self._digest_at = max(now, self._digest_last + DIGEST_EVERY_S)
        return out

    def _gone(self, handoff_id: str) -> list[Alert]:
        self._alerted.discard(handoff_id)
        self._held.discard(handoff_id)
        self._returned.pop(handoff_id, None)
        out: list[Alert] = []
        if handoff_id in self._up:
            self._up.discard(handoff_id)
            out.append(Withdraw(handoff_id))
        if handoff_id in self._digest:
            self._digest.discard(handoff_id)
            if not self._digest and toasts.DIGEST in self._up:
                self._up.discard(toasts.DIGEST)
                self._digest_at = None
                out.append(Withdraw(toasts.DIGEST))
        return out
