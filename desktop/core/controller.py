"""Ties the parts together: what the server says and the user does goes in, views go out.

    link ──events──► inbox ──changes──► notifier ──alerts──► deck ──► Toasts port
                       │                                       └──receipts──► link
                       └──rows──► present / tray ──views──► Screen port ──signals──► commands ──► claims ──► Api

Everything runs in one thread, on the loop that `start` is called from. Nothing wakes up while nothing waits.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.contract.events import Event, Receipt
from backend.contract.handoffs import QueuePage, QueueRow
from backend.contract.people import UserView
from desktop.core import toasts
from desktop.core.alerting import Alerting
from desktop.core.claim import Outcome, RoleGone, SignedOut, Won
from desktop.core.claims import Around, Claims, Origin
from desktop.core.deck import Deck
from desktop.core.drawing import Drawing, Known
from desktop.core.inbox import Inbox
from desktop.core.link import Link
from desktop.core.notify import DND, QUIET, SENIOR, Alert, Notifier, Show, Tell, Withdraw
from desktop.core.ports import Api, ApiError, Browser, Clock, Connector, Screen, SignInWatcher, Sounds, Toasts, Trace
from desktop.core.presence import Connection, DndChoice, DoNotDisturb
from desktop.core.quiet import QuietHours, QuietWatch
from desktop.core.ringer import Ringer
from desktop.core.running import ServerTime, Tasks
from desktop.core.selection import Selection
from desktop.core.toasts import DIGEST, TEST
from desktop.core.views import ToastAction, ToastView
from desktop.core.vitals import Vitals

_LOG: Final = logging.getLogger(__name__)
ROWS_KEPT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, as the rules see it."""

    api: Api
    connector: Connector
    toasts: Toasts
    browser: Browser
    screen: Screen
    clock: Clock
    trace: Trace
    watcher: SignInWatcher | None = None
    sounds: Sounds | None = None


class Controller:
    """One signed-in app. It is the link's and the toasts' listener, and has one method for each thing a user does."""

    def __init__(self, server: str, ports: Ports, alerting: Alerting | None = None) -> None:
        self._ports = ports
        self._time = ServerTime(ports.clock)
        self._tasks = Tasks()
        self._inbox = Inbox()
        self._notifier = Notifier()
        self._dnd = DoNotDisturb()
        self._me: UserView | None = None
        self._rows: dict[str, QueueRow] = {}
        self._connection = Connection(server, self._time.mono())
        self.vitals = Vitals(self._time.mono, self._time.wall, lambda: self._link.heard_at)
        self._link = Link(ports.connector, ports.api.queue, self, ports.clock)
        self._ringer = Ringer(ports.sounds, self._time.mono, self._renew)
        self._deck = Deck(
            ports.toasts,
            self._link.tell,
            ports.trace,
            up=self._toast_up,
            down=self._ringer.gone,
            lost=self._toast_lost,
        )
        self._quiet = QuietWatch(QuietHours())
        self._selection = Selection(ports.api, self._dirty, self.link_signed_out)
        self._claims = Claims(
            Around(
                server=server,
                api=ports.api,
                browser=ports.browser,
                deck=self._deck,
                notifier=self._notifier,
                time=self._time,
                trace=ports.trace,
                online=lambda: self._connection.state(self._time.mono()) in {"connected", "reconnecting"},
                as_of=lambda: self._connection.last_update,
                changed=self._dirty,
                settled=self._claim_settled,
            )
        )
        self._drawing = Drawing(
            Known(
                inbox=self._inbox,
                connection=self._connection,
                dnd=self._dnd,
                time=self._time,
                cases=self._claims.cases,
                selection=self._selection,
                me=lambda: self._me,
                quiet=lambda: self._quiet.look(ports.clock.now()),
                vitals=self.vitals,
            ),
            ports.screen,
            due=self._due,
            on_time=self._on_time,
        )
        self._wish(alerting or Alerting())

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self, *, signed_in: bool) -> None:
        """Begin; without a token the screen says so and nothing is tried."""
        self._mute()
        if not signed_in:
            self._connection.signed_out(self._time.wall())
        else:
            self._tasks.start(self._link.run())
        self._drawing.start()

    async def stop(self) -> None:
        """Take the toasts away and end every task."""
        self._drawing.stop()
        self._selection.clear()
        await self._deck.stop()
        await self._tasks.stop()

    # -- the link ----------------------------------------------------------------------------------------------------

    def link_up(self, user: UserView, clock_offset: timedelta) -> None:
        """The server greeted."""
        self._time.offset = clock_offset
        former, self._me = self._me, user
        self._notifier.me = user
        self._notifier.reconnecting()
        if former is None:
            self._ports.trace.mark("signed_in")
            if self._ports.watcher is not None:
                self._ports.watcher.signed_in()
        elif former.role in SENIOR and user.role not in SENIOR:
            self._connection.role_changed(self._time.wall())
        elif user.role in SENIOR and self._connection.state(self._time.mono()) == "role_changed":
            self._connection.again(self._time.mono())
        self._drawing.dirty()

    def link_live(self) -> None:
        """All that had happened is known: compare the toasts with the queue."""
        self._ports.trace.mark("live")
        if self._connection.state(self._time.mono()) != "role_changed":
            self._connection.live(self._time.wall())
        self._mute()
        self._alert(self._notifier.settled(self._inbox.sorted(), self._time.mono(), self._time.wall()))
        self._drawing.dirty()

    def link_down(self, reason: str, retry_in_s: float | None) -> None:
        """No stream."""
        now, wall = self._time.mono(), self._time.wall()
        if self._link.heard_at is not None and self._connection.state(now) == "connected":
            self._connection.last_update = wall - timedelta(seconds=now - self._link.heard_at)
        self._connection.down(now, wall, retry_in_s)
        _LOG.debug("link down: %s", reason)
        if self._ports.watcher is not None:
            self._ports.watcher.unreachable(reason)
        self._drawing.dirty()

    def link_event(self, event: Event) -> None:
        """One event, once, in order."""
        self._ports.trace.mark("frame", handoff=event.data.get("handoff_id"), kind=event.kind, seq=event.seq)
        change = self._inbox.apply(event, self._time.mono())
        if change.incomplete:
            # An event without its row cannot be folded; the queue itself is the way back to the truth.
            self._tasks.start(self._reload_queue())
        if change.row is not None:
            self._remember(change.row)
        selected = change.handoff_id == self._selection.id
        self._claims.changed(change, self._me, selected=selected)
        self._alert(
            self._notifier.changed(change, self._inbox.sorted(), self._time.mono(), self._time.wall())
            if self._needs_policy(change.before, change.after, event)
            else []
        )
        if selected and event.kind != "handoff.delivery":
            self._selection.reload()
        self._drawing.dirty()

    def link_queue(self, page: QueuePage) -> None:
        """The queue was fetched anew."""
        self._inbox.load(page.items)
        self._alert(self._notifier.reloaded())
        for row in page.items:
            self._remember(row)
        self._drawing.dirty()

    def link_signed_out(self) -> None:
        """The token is not valid: hide the queue, take the toasts away. Said once, however many calls find out."""
        if self._connection.state(self._time.mono()) == "signed_out":
            return
        self._ports.trace.mark("signed_out")
        self._connection.signed_out(self._time.wall())
        self._alert(self._notifier.forget())
        if self._ports.watcher is not None:
            self._ports.watcher.refused()
        self._drawing.dirty()

    def link_not_allowed(self) -> None:
        """The role does not include escalations any more."""
        self._connection.role_changed(self._time.wall())
        self._alert(self._notifier.forget())
        self._drawing.dirty()

    # -- toasts ------------------------------------------------------------------------------------------------------

    def toast_pressed(self, toast_id: str, action: ToastAction) -> None:
        """A button or the body of a toast."""
        self._ringer.gone(toast_id)
        if action in {"claim", "retry"}:
            self.claim(toast_id, "toast")
            return
        self._deck.withdraw(toast_id)
        self._notifier.closed(toast_id)
        if action == "open_queue" and self._connection.state(self._time.mono()) == "signed_out":
            self._ports.screen.ask_sign_in()
        elif action == "open_queue":
            self._ports.screen.raise_window()
        elif action == "view":
            self.select(toast_id)
            self._ports.screen.raise_window()
        elif action == "open_session":
            # The plain page: asking for a ticket would claim a handoff that has gone back to the queue meanwhile.
            self.view(toast_id)

    def toast_closed(self, toast_id: str) -> None:
        """Gone from the screen without us."""
        self._deck.closed(toast_id)
        self._notifier.closed(toast_id)

    def toast_came_up(self, toast_id: str) -> None:
        """One that had to wait is on the screen: now its receipt is true."""
        self._deck.came_up(toast_id)

    def toast_failed(self, toast_id: str, reason: str) -> None:
        """One has not come up."""
        self._deck.failed(toast_id, reason)

    def cover(self, reason: str | None) -> None:
        """Nobody sees the screen (`locked`), or the desktop holds notifications back (`do not disturb`); null: seen."""
        self._ringer.silent = reason == DND
        if unseen := self._deck.cover(reason):
            waiting = self._inbox.sorted()
            self._alert(self._notifier.unseen(unseen, waiting, self._time.mono(), self._time.wall()))

    # -- commands ----------------------------------------------------------------------------------------------------

    def select(self, handoff_id: str) -> None:
        """Show one handoff on the right side."""
        if (row := self._rows.get(handoff_id)) is not None:
            self._selection.select(row)
            self._drawing.dirty()

    def claim(self, handoff_id: str, origin: Origin = "window") -> None:
        """Claim; every outcome is shown where it was pressed."""
        row = self._rows.get(handoff_id)
        if row is None or self._me is None:
            # Nothing is known of it any more; the window says what is (signed out, or what waits now).
            self._deck.withdraw(handoff_id)
            self._ports.screen.raise_window()
            return
        self._tasks.start(self._claims.claim(row, self._me, origin))

    def open_session(self, handoff_id: str) -> None:
        """Open a claimed session in the browser."""
        if (row := self._rows.get(handoff_id)) is not None:
            self._tasks.start(self._claims.open_again(row))

    def view(self, handoff_id: str) -> None:
        """Look at the session in the browser."""
        if (row := self._rows.get(handoff_id)) is not None:
            self._tasks.start(self._claims.view(row))

    def copy_link(self, handoff_id: str) -> None:
        """The plain page's address; a ticket never leaves by the clipboard."""
        if (row := self._rows.get(handoff_id)) is not None:
            self._ports.screen.copy_text(self._claims.page(row))

    def hand_back(self, handoff_id: str, reason: str) -> None:
        """Return a claimed handoff to the queue."""
        self._tasks.start(self._hand_back(handoff_id, reason))

    def retry(self) -> None:
        """Try the server at once; from signed out, ask for a token."""
        if self._connection.state(self._time.mono()) == "signed_out":
            self._ports.screen.ask_sign_in()
        else:
            self._link.poke()

    def woke_up(self) -> None:
        """The computer slept or changed its network: an open stream proves nothing."""
        self._link.drop()

    def retry_detail(self, handoff_id: str) -> None:
        """Load the selected handoff again."""
        if handoff_id == self._selection.id:
            self._selection.reload()
            self._drawing.dirty()

    def do_not_disturb(self, choice: DndChoice) -> None:
        """Minutes, `tomorrow`, `on` or `off`."""
        self._dnd.choose(choice, self._time.wall())
        self._mute()
        self._drawing.dirty()

    def alert_as(self, alerting: Alerting) -> None:
        """The user's settings, or an administrator's, have changed."""
        self._wish(alerting)
        self._mute(anew=True)
        self._drawing.dirty()

    @property
    def me(self) -> UserView | None:
        """Who is signed in, once the server has said so."""
        return self._me

    @property
    def connection_words(self) -> str:
        """The link's state, for the diagnostics."""
        return self._connection.state(self._time.mono()).replace("_", " ").capitalize()

    def notice(self, title: str, body: str, *, loud: bool = False) -> None:
        """Tell something about the app itself."""
        self._deck.show(toasts.notice(title, body, loud=loud))

    def test_notification(self) -> None:
        """Show the test toast."""
        self._deck.show(toasts.test())

    # -- inside ------------------------------------------------------------------------------------------------------

    def _needs_policy(self, before: QueueRow | None, after: QueueRow | None, event: Event) -> bool:
        """Deliveries of handoffs that nobody waits for need no thought; they are the most frequent events."""
        return event.kind != "handoff.delivery" or (before is None) != (after is None)

    def _remember(self, row: QueueRow) -> None:
        self._rows.pop(row.id, None)
        self._rows[row.id] = row
        while len(self._rows) > ROWS_KEPT:
            del self._rows[next(iter(self._rows))]

    def _alert(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            match alert:
                case Show():
                    self._deck.show(alert.view, alert.tells)
                case Withdraw():
                    self._deck.withdraw(alert.toast_id)
                case Tell():
                    handoff_id, rung = alert.round
                    self._link.tell(Receipt(handoff_id=handoff_id, state=alert.state, reason=alert.reason, rung=rung))

    def _wish(self, alerting: Alerting) -> None:
        self._notifier.alerting = alerting
        self._ringer.repeat_s = alerting.repeat_s
        self._deck.lock_text = alerting.lock_text
        self._quiet = QuietWatch(alerting.quiet)

    def _mute(self, *, anew: bool = False) -> None:
        """Begin or end holding toasts. Quiet hours go by the user's own clock, not by the server's."""
        quiet, _ = self._quiet.look(self._ports.clock.now())
        reason = DND if self._dnd.on else QUIET if quiet else None
        if reason != self._notifier.muted or anew:
            waiting = self._inbox.sorted()
            self._alert(self._notifier.mute(reason, waiting, self._time.mono(), self._time.wall()))
            if reason is not None:
                self._ringer.hush([DIGEST, *(row.id for row in waiting if self._notifier.holds(row))])

    def _due(self) -> float | None:
        quiet_s = self._quiet.wait_s(self._ports.clock.now())
        times = (
            self._notifier.deadline,
            self._ringer.deadline,
            None if quiet_s is None else self._time.mono() + quiet_s,
        )
        return min((when for when in times if when is not None), default=None)

    def _toast_up(self, view: ToastView) -> None:
        self._ringer.shown(view)
        row = self._rows.get(view.id) if view.variant == "new" else None
        if row is not None:
            self.vitals.shown(row.created_at)
        elif view.id == TEST:
            self.vitals.tested(None)

    def _toast_lost(self, toast_id: str, reason: str) -> None:
        if toast_id == TEST:
            self.vitals.tested(reason)

    def _renew(self, toast_id: str) -> None:
        self._deck.renew(toast_id)

    def _claim_settled(self, handoff_id: str, outcome: Outcome) -> None:
        match outcome:
            case SignedOut():
                self.link_signed_out()
            case RoleGone():
                self._connection.role_changed(self._time.wall())
            case Won(handoff) if handoff_id == self._selection.id:
                self._selection.put(handoff)
            case _:
                pass

    async def _hand_back(self, handoff_id: str, reason: str) -> None:
        try:
            handoff = await self._ports.api.release(handoff_id, reason)
        except ApiError as exc:
            _LOG.warning("not handed back: %s", exc)
            self._claims.failed(handoff_id, "The hand-off was not handed back. Try again, or use the session page.")
        else:
            self._claims.cases.pop(handoff_id, None)
            if handoff_id == self._selection.id:
                self._selection.put(handoff)
        self._drawing.dirty()

    async def _reload_queue(self) -> None:
        try:
            page = await self._ports.api.queue()
        except ApiError as exc:
            _LOG.warning("the queue could not be fetched: %s", exc)
            return
        if page.seq >= (self._link.feed.cursor or 0):
            self.link_queue(page)
            self._alert(self._notifier.settled(self._inbox.sorted(), self._time.mono(), self._time.wall()))

    def _dirty(self) -> None:
        self._drawing.dirty()

    def _on_time(self, now: float, wall: datetime) -> None:
        self._dnd.expire(wall)
        self._mute()
        self._ringer.on_time()
        self._alert(self._notifier.on_time(self._inbox.sorted(), now, wall))
