"""Ties the parts together: what the server says and the user does goes in, views go out.

    link ──events──► inbox ──changes──► alerts ──► Toasts port, receipts back to the link
                       └──rows──► present / tray ──views──► Screen port ──signals──► commands ──► claims ──► Api

Everything runs in one thread, on the loop that `start` is called from. Nothing wakes up while nothing waits.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.contract.events import Event
from backend.contract.handoffs import QueuePage, QueueRow
from backend.contract.people import UserView
from desktop.core import toasts
from desktop.core.alerting import Alerting
from desktop.core.alerts import Alerts, Told
from desktop.core.claim import Outcome, RoleGone, SignedOut, Won
from desktop.core.claims import Around, Claims, Origin
from desktop.core.drawing import Drawing, Known
from desktop.core.inbox import Inbox
from desktop.core.link import Link
from desktop.core.notify import SENIOR
from desktop.core.ports import (
    Api,
    ApiError,
    Browser,
    Clock,
    Connector,
    RefusedError,
    Screen,
    SignInWatcher,
    Sounds,
    Toasts,
    Trace,
)
from desktop.core.presence import Connection, DndChoice
from desktop.core.running import ServerTime, Tasks
from desktop.core.selection import Selection
from desktop.core.trial import Trial
from desktop.core.views import ToastAction
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
        self._me: UserView | None = None
        self._linked: str | None = None
        self._rows: dict[str, QueueRow] = {}
        self._connection = Connection(server, self._time.mono())
        self.vitals = Vitals(self._time.mono, self._time.wall, lambda: self._link.heard_at)
        self._link = Link(ports.connector, ports.api.queue, self, ports.clock)
        self.trial = Trial(
            ports.api,
            tell=self._link.tell,
            mono=self._time.mono,
            wall=self._time.wall,
            muted=lambda: self._alerts.notifier.muted,
        )
        self._alerts = Alerts(
            Told(
                inbox=self._inbox,
                time=self._time,
                clock=ports.clock,
                toasts=ports.toasts,
                sounds=ports.sounds,
                trace=ports.trace,
                vitals=self.vitals,
                tell=self.trial.tell,
                row=self._rows.get,
            ),
            alerting or Alerting(),
        )
        self.trial.show, self._link.heard_test = self._alerts.deck.show, self.trial.heard
        self._selection = Selection(ports.api, self._dirty, self.link_signed_out)
        self._claims = Claims(
            Around(
                server=server,
                api=ports.api,
                browser=ports.browser,
                deck=self._alerts.deck,
                notifier=self._alerts.notifier,
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
                dnd=self._alerts.dnd,
                time=self._time,
                cases=self._claims.cases,
                selection=self._selection,
                me=lambda: self._me,
                quiet=self._alerts.quiet,
                vitals=self.vitals,
            ),
            ports.screen,
            due=lambda: self._alerts.deadline,
            on_time=self._alerts.on_time,
        )

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self, *, signed_in: bool) -> None:
        """Begin; without a token the screen says so and nothing is tried."""
        self._alerts.mute()
        if not signed_in:
            self._connection.signed_out(self._time.wall())
        else:
            self._tasks.start(self._link.run())
        self._drawing.start()

    async def stop(self) -> None:
        """Take the toasts away and end every task."""
        self._drawing.stop()
        self._selection.clear()
        await self._alerts.deck.stop()
        await self._tasks.stop()

    # -- the link ----------------------------------------------------------------------------------------------------

    def link_up(self, user: UserView, server_time: datetime) -> None:
        """The server greeted."""
        self._time.is_now(server_time)
        former, self._me = self._me, user
        self._alerts.notifier.me = user
        self._alerts.notifier.reconnecting()
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
        self._alerts.mute()
        self._alerts.settled()
        self._tasks.start(self._show_linked())
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
        self._alerts.changed(change)
        if selected and event.kind != "handoff.delivery":
            self._selection.reload()
        self._drawing.dirty()

    def link_queue(self, page: QueuePage) -> None:
        """The queue was fetched anew."""
        self._inbox.load(page.items)
        self._alerts.reloaded()
        for row in page.items:
            self._remember(row)
        self._drawing.dirty()

    def link_signed_out(self) -> None:
        """The token is not valid: hide the queue, take the toasts away. Said once, however many calls find out."""
        if self._connection.state(self._time.mono()) == "signed_out":
            return
        self._ports.trace.mark("signed_out")
        self._connection.signed_out(self._time.wall())
        self._alerts.forget()
        if self._ports.watcher is not None:
            self._ports.watcher.refused()
        self._drawing.dirty()

    def link_not_allowed(self) -> None:
        """The role does not include escalations any more."""
        self._connection.role_changed(self._time.wall())
        self._alerts.forget()
        self._drawing.dirty()

    # -- toasts ------------------------------------------------------------------------------------------------------

    def toast_pressed(self, toast_id: str, action: ToastAction) -> None:
        """A button or the body of a toast."""
        self._alerts.ringer.gone(toast_id)
        if action in {"claim", "retry"}:
            self.claim(toast_id, "toast")
            return
        self._alerts.dismissed(toast_id)
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
        self._alerts.closed(toast_id)

    def toast_came_up(self, toast_id: str) -> None:
        """One that had to wait is on the screen: now its receipt is true."""
        self._alerts.deck.came_up(toast_id)

    def toast_failed(self, toast_id: str, reason: str) -> None:
        """One has not come up."""
        self._alerts.deck.failed(toast_id, reason)

    def cover(self, reason: str | None) -> None:
        """Nobody sees the screen (`locked`), or the desktop holds notifications back (`do not disturb`); null: seen."""
        self._alerts.cover(reason)

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
            self._alerts.deck.withdraw(handoff_id)
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

    def open_link(self, handoff_id: str) -> None:
        """A link from outside: show this one, and nothing more. Before the server has spoken it waits."""
        self._linked = handoff_id
        if self._connection.state(self._time.mono()) == "connected":
            self._tasks.start(self._show_linked())

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
        """The computer slept, or has another way out: an open stream proves nothing, and every clock has moved."""
        self._ports.trace.mark("woke_up")
        self._link.drop()
        self._drawing.wake()

    def network_changed(self) -> None:
        """Some way has come or gone: without a stream that is worth a try."""
        if self._connection.state(self._time.mono()) != "signed_out":
            self._link.poke()

    def retry_detail(self, handoff_id: str) -> None:
        """Load the selected handoff again."""
        if handoff_id == self._selection.id:
            self._selection.reload()
            self._drawing.dirty()

    def do_not_disturb(self, choice: DndChoice) -> None:
        """Minutes, `tomorrow`, `on` or `off`."""
        self._alerts.do_not_disturb(choice)
        self._drawing.dirty()

    def alert_as(self, alerting: Alerting) -> None:
        """The user's settings, or an administrator's, have changed."""
        self._alerts.alert_as(alerting)
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
        self._alerts.notice(toasts.notice(title, body, loud=loud))

    def fell(self, began: datetime, why: str) -> None:
        """Tell that the last run did not end properly."""
        self._alerts.notice(toasts.fell(began, why))

    @property
    def private(self) -> list[str]:
        """Every text of a handoff and every name that is known now: what diagnostics must not hold."""
        texts = [each for row in self._rows.values() for each in (row.title, row.customer, row.reason, row.need)]
        return [each for each in texts if each] + [row.handed_off_by.name for row in self._rows.values()]

    def test_notification(self) -> None:
        """Have the server send one, and follow it."""
        self._tasks.start(self.trial.run())

    # -- inside ------------------------------------------------------------------------------------------------------

    def _remember(self, row: QueueRow) -> None:
        self._rows.pop(row.id, None)
        self._rows[row.id] = row
        while len(self._rows) > ROWS_KEPT:
            del self._rows[next(iter(self._rows))]

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

    async def _show_linked(self) -> None:
        handoff_id, self._linked = self._linked, None
        if handoff_id is None:
            return
        if handoff_id not in self._rows:
            try:
                self._remember(await self._ports.api.handoff(handoff_id))
            except ApiError as exc:
                _LOG.info("a link leads nowhere: %s", exc)
                known = isinstance(exc, RefusedError) and exc.code == "not_found"
                why = "It is not in your account, or not kept any more." if known else "The server did not answer."
                self.notice("That escalation could not be shown", why)
                return
        self.select(handoff_id)

    async def _reload_queue(self) -> None:
        try:
            page = await self._ports.api.queue()
        except ApiError as exc:
            _LOG.warning("the queue could not be fetched: %s", exc)
            return
        if page.seq >= (self._link.feed.cursor or 0):
            self.link_queue(page)
            self._alerts.settled()

    def _dirty(self) -> None:
        self._drawing.dirty()
