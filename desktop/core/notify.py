"""Which events become a toast, and what the server is told about it. Pure: changes and time in, effects out.

Each round of a handoff is alerted once. Several at once (200 in a second, a reconnect, the end of do not disturb) make
at most three single toasts and one digest that is updated in place. A toast goes as soon as its handoff no longer waits
for anyone. Receipts tell the truth: `shown` is sent by the deck once the toast is on the screen, never from here.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from backend.contract.vocabulary import ReceiptState
from desktop.core import toasts
from desktop.core.alerting import Alerting
from desktop.core.inbox import Change
from desktop.core.nudges import Nudges
from desktop.core.rounds import Round, Rounds, round_of
from desktop.core.views import ToastView

SENIOR: Final = frozenset({"engineer", "admin", "owner"})
BURST_WINDOW_S: Final = 2.0
BURST_SINGLES: Final = 3
DIGEST_EVERY_S: Final = 0.5
DIGEST_READ_S: Final = 20.0
DND: Final = "do not disturb"
QUIET: Final = "quiet hours"
OFF: Final = "notifications off"
# What the account may break through with an urgent escalation; notifications that are off stay off.
_BREAKABLE: Final = frozenset({DND, QUIET})


@dataclass(frozen=True, slots=True)
class Show:
    """Show this toast; once it is up, these rounds have been shown."""

    view: ToastView
    tells: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take this toast away."""

    toast_id: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this receipt now."""

    round: Round
    state: ReceiptState
    reason: str


Alert = Show | Withdraw | Tell


def may_claim(row: QueueRow, me: UserView | None) -> bool:
    """Whether this user may claim: a senior role, and not one's own escalation."""
    return me is not None and me.role in SENIOR and row.handed_off_by.id != me.id


def is_told(row: QueueRow, me: UserView | None) -> bool:
    """Whether this user is alerted in the round that the row is in; all others only see it in the queue."""
    return may_claim(row, me) and (row.to is None or (me is not None and me.id in row.to))


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
        self.alerting = Alerting()
        self._catching_up = True
        self._rounds = Rounds()
        self._nudges = Nudges()
        self._held: set[str] = set()
        self._up: set[str] = set()
        self._pressed: set[str] = set()
        self._seen: set[str] = set()
        self._steps: dict[str, int | None] = {}
        self._returned: dict[str, _Returned] = {}
        self._arrivals: deque[float] = deque(maxlen=BURST_SINGLES)
        self._digest: set[str] = set()
        self._digest_tells: list[Round] = []
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
        muted, alerting = self.muted, self.alerting
        self.__init__()  # type: ignore[misc] # the initial state is defined once, above
        self.muted, self.alerting = muted, alerting
        return gone

    def reconnecting(self) -> None:
        """Hold single toasts until the log has been caught up with."""
        self._catching_up = True

    def reloaded(self) -> list[Alert]:
        """The queue was fetched anew: what became of claimed handoffs meanwhile, nothing has told."""
        return [alert for handoff_id in self._nudges.drop_all() for alert in self._take_down(handoff_id)]

    def changed(self, change: Change, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """One event has been folded in; `waiting` is the sorted queue after it."""
        row = change.after
        if row is None:
            return self._left(change, now)
        out = self._take_down(row.id) if self._nudges.drop(row.id) else []
        if change.kind == "handoff.released" and change.before is None:
            self._returned[row.id] = _Returned(change.actor.name if change.actor else "", change.note)
        if not is_told(row, self.me):
            return out
        if change.kind == "handoff.realerted":
            self._steps[row.id] = change.step
        if self._catching_up or row.id in self._pressed:
            return out
        broken = row.id in self._held and not self.holds(row)
        self._held -= {row.id} if broken else set()
        if broken or self._rounds.is_new(row):
            out += self._arrived(row, waiting, now, wall)
        return out

    def settled(self, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """The state is whole again (start, reconnect, reset): compare all toasts with what waits."""
        self._catching_up = False
        ids = {row.id for row in waiting}
        known = self._up | self._rounds.ids | self._held | self._pressed | self._seen | set(self._steps)
        gone = (
            known - ids - {nudge.row.id for nudge in self._nudges.all()} - {toasts.DIGEST, toasts.TEST, toasts.NOTICE}
        )
        out: list[Alert] = [alert for handoff_id in sorted(gone) for alert in self._gone(handoff_id)]
        for row in waiting:
            self._rounds.rewind(row)
        fresh = [row for row in waiting if self._rounds.is_new(row) and is_told(row, self.me)]
        fresh = [row for row in fresh if row.id not in self._pressed]
        return [*out, *self._batch(fresh, waiting, now, wall), *self._show_nudges()]

    def mute(self, reason: str | None, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """Begin (`do not disturb`, `quiet hours`, `notifications off`) or end holding toasts, or hold others now."""
        was, self.muted = self.muted, reason
        out = self._hold_digest(waiting) if reason is not None else []
        if was is None:
            return out
        kept = {row.id for row in waiting if row.id in self._held and self.holds(row)}
        freed, self._held = self._held - kept, kept
        return out + self._again(freed, waiting, now, wall)

    def unseen(self, rounds: Collection[Round], waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """The screen is back before its user: these were put up while nobody could see them."""
        ids = {each.handoff_id for each in rounds}
        for handoff_id in ids:
            if (nudge := self._nudges.get(handoff_id)) is not None:
                nudge.open = True
        return self._again(ids, waiting, now, wall)

    def on_time(self, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """Update the digest when it is due."""
        if self._digest_at is None or now < self._digest_at:
            return []
        self._digest_at = None
        return self._show_digest(waiting, now, wall, away=self._away and not self._digest_tells)

    def hand_over(self, toast_id: str) -> None:
        """Claim was pressed: the claim flow decides now what this toast says and when it goes."""
        self._up.discard(toast_id)
        self._pressed.add(toast_id)

    def take_back(self, toast_id: str) -> None:
        """The claim came to nothing and the handoff still waits: withdraw the toast when that ends."""
        self._pressed.discard(toast_id)
        self._up.add(toast_id)

    def closed(self, toast_id: str) -> None:
        """It left the screen by itself or by the user's hand."""
        self._up.discard(toast_id)
        self._pressed.discard(toast_id)
        if toast_id == toasts.DIGEST:
            self._digest.clear()

    # -- inside ------------------------------------------------------------------------------------------------------

    def holds(self, row: QueueRow) -> bool:
        """Whether a toast for it would be held now."""
        quiet = self.muted == QUIET and row.priority in self.alerting.through_quiet
        return self.muted is not None and not quiet and not (row.breaks_dnd and self.muted in _BREAKABLE)

    def _unwanted(self, row: QueueRow) -> Tell | None:
        """The receipt for one that the user's own settings keep away; the server goes on with others, or by mail."""
        return None if self.alerting.wants(row, self.me) else Tell(round_of(row), "suppressed", OFF)

    def _hold(self, row: QueueRow) -> Tell:
        self._held.add(row.id)
        return Tell(round_of(row), "suppressed", self.muted or DND)

    def _arrived(self, row: QueueRow, waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        self._rounds.done(row)
        if (unwanted := self._unwanted(row)) is not None:
            return [*self._take_down(row.id), unwanted]
        if self.holds(row):
            return [*self._take_down(row.id), self._hold(row)]
        burst = len(self._arrivals) == BURST_SINGLES and now - self._arrivals[0] < BURST_WINDOW_S
        self._arrivals.append(now)
        if not burst or self._stays(row):
            return [self._single(row, wall)]
        folded = self._fold([row])
        if self._digest_at is None:
            self._digest_at = max(now, self._digest_last + DIGEST_EVERY_S)
        return folded + self.on_time(waiting, now, wall)

    def _again(self, ids: Collection[str], waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        """What of these still waits comes up again; without a stream that is known after the next one only."""
        if self._catching_up:
            for handoff_id in ids:
                self._rounds.reopen(handoff_id)
            return []
        rows = [row for row in waiting if row.id in ids and may_claim(row, self.me)]
        return self._batch(rows, waiting, now, wall) + self._show_nudges()

    def _batch(self, rows: Iterable[QueueRow], waiting: Sequence[QueueRow], now: float, wall: datetime) -> list[Alert]:
        out: list[Alert] = []
        many: list[QueueRow] = []
        for row in rows:
            self._rounds.done(row)
            if (unwanted := self._unwanted(row)) is not None:
                out += [*self._take_down(row.id), unwanted]
            elif self.holds(row):
                out += [*self._take_down(row.id), self._hold(row)]
            elif self._stays(row):
                out.append(self._single(row, wall))
            else:
                many.append(row)
        if len(many) == 1:
            out.append(self._single(many[0], wall))
        elif many:
            out += [*self._fold(many), *self._show_digest(waiting, now, wall, away=True)]
        return out

    def _stays(self, row: QueueRow) -> bool:
        """An urgent toast stays until it is acted on: it is renewed where it is and never folded into a digest."""
        return row.priority == "urgent" and row.id in self._up

    def _single(self, row: QueueRow, wall: datetime) -> Show:
        self._up.add(row.id)
        for_you = self.me is not None and row.target_user_id == self.me.id
        returned = self._returned.get(row.id)
        if row.id in self._seen or row.id in self._steps:
            view = toasts.reminder(row, wall, step=self._steps.get(row.id), for_you=for_you)
        elif returned is not None:
            view = toasts.handed_back(row, returned.name, returned.note, for_you=for_you)
        else:
            view = toasts.new(row, for_you=for_you)
        self._seen.add(row.id)
        return Show(self.alerting.dressed(view), (round_of(row),))

    def _show_nudges(self) -> list[Alert]:
        """Each on its own: a person holds few claims."""
        out: list[Alert] = []
        for nudge in self._nudges.open():
            if not self.holds(nudge.row):
                nudge.open = False
                self._up.add(nudge.row.id)
                view = self.alerting.dressed(toasts.nudge(nudge.row, nudge.returns_at), repeat=False)
                out.append(Show(view, (round_of(nudge.row),)))
            elif not nudge.told:
                nudge.told = True
                out.append(Tell(round_of(nudge.row), "suppressed", self.muted or DND))
        return out

    def _fold(self, rows: Sequence[QueueRow]) -> list[Alert]:
        """Into the digest, which then speaks for toasts of their own."""
        self._digest |= {row.id for row in rows}
        self._digest_tells += [round_of(row) for row in rows]
        self._seen |= {row.id for row in rows}
        return [alert for row in rows for alert in self._take_down(row.id)]

    def _hold_digest(self, waiting: Sequence[QueueRow]) -> list[Alert]:
        """Do not disturb began while a digest was due: what it would have told is held."""
        held = {round_of(row): row for row in waiting if round_of(row) in self._digest_tells and self.holds(row)}
        self._digest_tells = [each for each in self._digest_tells if each not in held]
        if not self._digest_tells:
            self._digest_at = None
        return [self._hold(row) for row in held.values()]

    def _show_digest(self, waiting: Sequence[QueueRow], now: float, wall: datetime, *, away: bool) -> list[Alert]:
        mine = [row for row in waiting if may_claim(row, self.me) and row.id not in self._held]
        mine = [row for row in mine if self.alerting.wants(row, self.me)]
        ids = {row.id for row in mine}
        tells, self._digest_tells = tuple(each for each in self._digest_tells if each.handoff_id in ids), []
        if not mine:
            return []
        sound = any(row.priority in self.alerting.sound for row in mine)
        loud = any(self.alerting.loud(row) for row in mine)
        view = replace(toasts.digest(mine, wall, away=away), sound=sound, repeats=loud)
        if not tells:
            # Shorter only: the user has heard of all of them, and the time it stays is not begun anew.
            view = replace(view, sound=False)
        else:
            self._digest_last = now
        self._away = away
        self._up.add(toasts.DIGEST)
        return [Show(view, tells)]

    def _left(self, change: Change, now: float) -> list[Alert]:
        """It waits no more. A digest that is still being read is brought up to date, without a sound."""
        handoff_id = change.handoff_id
        if change.cause == "nudge":
            self._nudges.heard(change, self.me.id if self.me else None)
            return [] if self._catching_up else self._show_nudges()
        if self._nudges.get(handoff_id) is not None and not self._nudges.ended_by(change):
            return []
        counted = handoff_id in self._digest
        out = self._gone(handoff_id)
        reading = toasts.DIGEST in self._up and now - self._digest_last < DIGEST_READ_S
        if counted and reading and self._digest_at is None:
            self._digest_at = max(now, self._digest_last + DIGEST_EVERY_S)
        return out

    def _take_down(self, handoff_id: str) -> list[Alert]:
        if handoff_id not in self._up:
            return []
        self._up.discard(handoff_id)
        return [Withdraw(handoff_id)]

    def _gone(self, handoff_id: str) -> list[Alert]:
        self._rounds.forget(handoff_id)
        self._nudges.drop(handoff_id)
        for known in (self._held, self._pressed, self._seen):
            known.discard(handoff_id)
        self._steps.pop(handoff_id, None)
        self._returned.pop(handoff_id, None)
        out = self._take_down(handoff_id)
        if handoff_id in self._digest:
            self._digest.discard(handoff_id)
            if not self._digest and toasts.DIGEST in self._up:
                self._digest_at = None
                out += self._take_down(toasts.DIGEST)
        return out
