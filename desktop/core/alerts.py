"""How the user is told: the policy of alerting, its toasts, its sounds, and what holds them back.

    changes ──► notifier ──alerts──► deck ──► Toasts port
                                      └──receipts──► link

`Notifier` decides, this carries out, and keeps the clock of do not disturb, quiet hours and repeated sounds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backend.contract.events import Holding, Receipt
from backend.contract.handoffs import QueueRow
from desktop.core.alerting import Alerting
from desktop.core.deck import LOCKED, Deck
from desktop.core.inbox import Change, Inbox
from desktop.core.notify import DND, QUIET, Alert, Notifier, Show, Tell, Withdraw
from desktop.core.ports import Clock, Sounds, Toasts, Trace
from desktop.core.presence import DndChoice, DoNotDisturb
from desktop.core.quiet import QuietHours, QuietWatch
from desktop.core.ringer import Ringer
from desktop.core.running import ServerTime
from desktop.core.toasts import DIGEST
from desktop.core.views import ToastView
from desktop.core.vitals import Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What alerting needs around itself.

    `tell` sends a receipt, `hold` says what is held back, `row` answers what is known of a handoff.
    """

    inbox: Inbox
    time: ServerTime
    clock: Clock
    toasts: Toasts
    sounds: Sounds | None
    trace: Trace
    vitals: Vitals
    tell: Callable[[Receipt], None]
    hold: Callable[[Holding], None]
    row: Callable[[str], QueueRow | None]


class Alerts:
    """One signed-in user's alerts."""

    def __init__(self, told: Told, alerting: Alerting) -> None:
        self._told = told
        self.notifier = Notifier()
        self.dnd = DoNotDisturb()
        self.ringer = Ringer(told.sounds, told.time.mono, self._renew)
        self.deck = Deck(told.toasts, told.tell, told.trace, up=self._toast_up, down=self.ringer.gone)
        self._quiet = QuietWatch(QuietHours())
        self._wish(alerting)

    # -- what the log says -------------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """One event has been folded in."""
        # Deliveries of handoffs that nobody waits for need no thought; they are the most frequent events.
        if change.kind != "handoff.delivery" or (change.before is None) != (change.after is None):
            self._carry_out(self.notifier.changed(change, self._told.inbox.sorted(), *self._now()))

    def settled(self) -> None:
        """The state is whole again: all toasts are compared with what waits."""
        self._carry_out(self.notifier.settled(self._told.inbox.sorted(), *self._now()))

    def reloaded(self) -> None:
        """The queue was fetched anew."""
        self._carry_out(self.notifier.reloaded())

    def forget(self) -> None:
        """Signed out, or another user: everything goes."""
        self._carry_out(self.notifier.forget())

    # -- what people and the desktop do ------------------------------------------------------------------------------

    def closed(self, toast_id: str) -> None:
        """A toast left the screen without us."""
        self.deck.closed(toast_id)
        self.notifier.closed(toast_id)

    def dismissed(self, toast_id: str) -> None:
        """A toast was read and is not needed any more."""
        self.deck.withdraw(toast_id)
        self.notifier.closed(toast_id)

    def cover(self, reason: str | None) -> None:
        """Nobody sees the screen (`locked`), or the desktop holds notifications back (`do not disturb`); null: seen."""
        self.ringer.silent = reason not in {None, LOCKED}
        self._say_holding()
        if unseen := self.deck.cover(reason):
            self._carry_out(self.notifier.unseen(unseen, self._told.inbox.sorted(), *self._now()))

    def do_not_disturb(self, choice: DndChoice) -> None:
        """Minutes, `tomorrow`, `on` or `off`."""
        self.dnd.choose(choice, self._told.time.wall())
        self.mute()

    def alert_as(self, alerting: Alerting) -> None:
        """The user's settings, or an administrator's, have changed."""
        self._wish(alerting)
        self.mute(anew=True)

    def notice(self, view: ToastView) -> None:
        """Tell something about the app itself."""
        self.deck.show(view)

    # -- time --------------------------------------------------------------------------------------------------------

    def mute(self, *, anew: bool = False) -> None:
        """Begin or end holding toasts. Quiet hours go by the user's own clock, not by the server's."""
        self._say_holding()
        quiet, _ = self.quiet()
        reason = DND if self.dnd.on else QUIET if quiet else None
        if reason != self.notifier.muted or anew:
            waiting = self._told.inbox.sorted()
            self._carry_out(self.notifier.mute(reason, waiting, *self._now()))
            if reason is not None:
                self.ringer.hush([DIGEST, *(row.id for row in waiting if self.notifier.holds(row))])

    def quiet(self) -> tuple[bool, datetime | None]:
        """Whether quiet hours are on, and when that changes."""
        return self._quiet.look(self._told.clock.now())

    def on_time(self) -> None:
        """A deadline has come."""
        now, wall = self._now()
        self.dnd.expire(wall)
        self.mute()
        self.ringer.on_time()
        self._carry_out(self.notifier.on_time(self._told.inbox.sorted(), now, wall))

    @property
    def deadline(self) -> float | None:
        """When `on_time` has something to do, in monotonic seconds, or null."""
        quiet_s = self._quiet.wait_s(self._told.clock.now())
        times = (
            self.notifier.deadline,
            self.ringer.deadline,
            None if quiet_s is None else self._told.time.mono() + quiet_s,
        )
        return min((when for when in times if when is not None), default=None)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _say_holding(self) -> None:
        """Tell the server, so that others read it before they escalate. A locked screen is nobody's wish: not told."""
        quiet, ends = self.quiet()
        if self.dnd.on:
            holding = Holding(reason="do_not_disturb", until=self.dnd.until)
        elif quiet:
            holding = Holding(reason="quiet_hours", until=ends)
        else:
            holding = Holding(reason="do_not_disturb" if self.ringer.silent else None)
        self._told.hold(holding)

    def _now(self) -> tuple[float, datetime]:
        return self._told.time.mono(), self._told.time.wall()

    def _carry_out(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            match alert:
                case Show():
                    self.deck.show(alert.view, alert.tells)
                case Withdraw():
                    self.deck.withdraw(alert.toast_id)
                case Tell():
                    handoff_id, rung = alert.round
                    self._told.tell(Receipt(handoff_id=handoff_id, state=alert.state, reason=alert.reason, rung=rung))

    def _wish(self, alerting: Alerting) -> None:
        self.notifier.alerting = alerting
        self.ringer.repeat_s = alerting.repeat_s
        self.deck.lock_text = alerting.lock_text
        self._quiet = QuietWatch(alerting.quiet)

    def _toast_up(self, view: ToastView) -> None:
        self.ringer.shown(view)
        row = self._told.row(view.id) if view.variant == "new" else None
        if row is not None:
            self._told.vitals.shown(row.created_at)

    def _renew(self, toast_id: str) -> None:
        self.deck.renew(toast_id)
