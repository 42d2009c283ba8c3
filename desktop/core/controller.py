"""Ties the parts together: what the server says and the user does goes in, views go out.

    link ──► following ──► inbox ──changes──► alerts ──► Toasts port, receipts back to the link
                             └──rows──► drawing ──views──► Screen port ──signals──► commands here ──► claims ──► Api

Everything runs in one thread, on the loop that `start` is called from. Nothing wakes up while nothing waits.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.events import Holding, Receipt
from backend.contract.people import UserView
from desktop.core import toasts
from desktop.core.alerting import Alerting
from desktop.core.alerts import Alerts, Told
from desktop.core.checkup import Checkup
from desktop.core.claim import Outcome, RoleGone, SignedOut, Won
from desktop.core.claims import Around, Claims, Origin
from desktop.core.drawing import Drawing, Known
from desktop.core.following import Around as Follows
from desktop.core.following import Following
from desktop.core.last_known import Shelf
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
from desktop.core.roster import Roster
from desktop.core.running import ServerTime, Tasks
from desktop.core.selection import Selection
from desktop.core.trial import Trial
from desktop.core.views import ToastAction
from desktop.core.vitals import Vitals

_LOG: Final = logging.getLogger(__name__)


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
    shelf: Shelf | None = None


class Controller:
    """One signed-in app. It is the toasts' listener, and has one method for each thing a user does."""

    def __init__(self, server: str, ports: Ports, alerting: Alerting | None = None) -> None:
        self._ports = ports
        self._time = ServerTime(ports.clock)
        self._tasks = Tasks()
        self._roster = Roster()
        self._linked: str | None = None
        self._connection = Connection(server, self._time.mono())
        self.vitals = Vitals(self._time.mono, self._time.wall, lambda: self._link.heard_at)
        self.trial = Trial(
            ports.api,
            tell=self._tell,
            mono=self._time.mono,
            wall=self._time.wall,
            muted=lambda: self._alerts.notifier.muted,
        )
        self._alerts = Alerts(
            Told(
                inbox=self._roster.inbox,
                time=self._time,
                clock=ports.clock,
                toasts=ports.toasts,
                sounds=ports.sounds,
                trace=ports.trace,
                vitals=self.vitals,
                tell=self.trial.tell,
                hold=self._hold,
                row=self._roster.row,
            ),
            alerting or Alerting(),
        )
        self._selection = Selection(ports.api, self._dirty, self._signed_out)
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
                inbox=self._roster.inbox,
                connection=self._connection,
                dnd=self._alerts.dnd,
                time=self._time,
                cases=self._claims.cases,
                selection=self._selection,
                me=lambda: self._roster.me,
                quiet=self._alerts.quiet,
                vitals=self.vitals,
            ),
            ports.screen,
            due=lambda: self._alerts.deadline,
            on_time=self._alerts.on_time,
        )
        self._following = Following(
            Follows(
                roster=self._roster,
                connection=self._connection,
                time=self._time,
                trace=ports.trace,
                watcher=ports.watcher,
                shelf=ports.shelf,
                alerts=self._alerts,
                claims=self._claims,
                selection=self._selection,
                fetch_queue=ports.api.queue,
                heard_at=lambda: self._link.heard_at,
                cursor=lambda: self._link.feed.cursor,
                start=self._tasks.start,
                dirty=self._dirty,
            )
        )
        self._following.live = self._follow_link
        self._link = Link(ports.connector, ports.api.queue, self._following, ports.clock)
        self._checkup = Checkup(self.vitals, self._link.echo, ports.api.me, self._time.mono)
        self.trial.show, self._link.heard_test = self._alerts.deck.show, self.trial.heard

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self, *, signed_in: bool) -> None:
        """Begin; without a token the screen says so and nothing is tried."""
        self._alerts.mute()
        self._following.begin(signed_in=signed_in)
        if signed_in:
            self._tasks.start(self._link.run())
        self._drawing.start()

    async def stop(self) -> None:
        """Take the toasts away and end every task."""
        self._drawing.stop()
        self._following.end()
        self._selection.clear()
        await self._alerts.deck.stop()
        await self._tasks.stop()

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
        if (row := self._roster.row(handoff_id)) is not None:
            self._selection.select(row)
            self._drawing.dirty()

    def claim(self, handoff_id: str, origin: Origin = "window") -> None:
        """Claim; every outcome is shown where it was pressed."""
        row, me = self._roster.row(handoff_id), self._roster.me
        if row is None or me is None:
            # Nothing is known of it any more; the window says what is (signed out, or what waits now).
            self._alerts.deck.withdraw(handoff_id)
            self._ports.screen.raise_window()
            return
        self._tasks.start(self._claims.claim(row, me, origin))

    def open_session(self, handoff_id: str) -> None:
        """Open a claimed session in the browser."""
        if (row := self._roster.row(handoff_id)) is not None:
            self._tasks.start(self._claims.open_again(row))

    def view(self, handoff_id: str) -> None:
        """Look at the session in the browser."""
        if (row := self._roster.row(handoff_id)) is not None:
            self._tasks.start(self._claims.view(row))

    def open_link(self, handoff_id: str) -> None:
        """A link from outside: show this one, and nothing more. Before the server has spoken it waits."""
        self._linked = handoff_id
        if self._connection.state(self._time.mono()) == "connected":
            self._follow_link()

    def copy_link(self, handoff_id: str) -> None:
        """The plain page's address; a ticket never leaves by the clipboard."""
        if (row := self._roster.row(handoff_id)) is not None:
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
        """Who is signed in, once the server has said so; null again when the sign-in has ended."""
        ended = self._connection.state(self._time.mono()) == "signed_out"
        return self._roster.me if self._roster.greeted and not ended else None

    @property
    def claiming(self) -> bool:
        """Whether a claim is on its way; nothing may end the program then."""
        return any(case.claiming or case.unknown for case in self._claims.cases.values())

    @property
    def on_call(self) -> bool:
        """Whether escalations would be told here now: signed in, of a role that claims, and not holding toasts."""
        gone = self._connection.state(self._time.mono()) in {"signed_out", "role_changed"}
        return not gone and self.me is not None and self.me.role in SENIOR and self._alerts.notifier.muted is None

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
        return self._roster.private

    def check_up(self) -> None:
        """Somebody looks at the diagnostics: ask how far the server is, now and then."""
        if self._checkup.due:
            self._tasks.start(self._checkup.run())

    def test_notification(self) -> None:
        """Have the server send one, and follow it."""
        self._tasks.start(self.trial.run())

    # -- inside ------------------------------------------------------------------------------------------------------

    def _claim_settled(self, handoff_id: str, outcome: Outcome) -> None:
        match outcome:
            case SignedOut():
                self._signed_out()
            case RoleGone():
                self._following.role_refused()
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

    def _follow_link(self) -> None:
        handoff_id, self._linked = self._linked, None
        if handoff_id is not None:
            self._tasks.start(self._show_linked(handoff_id))

    async def _show_linked(self, handoff_id: str) -> None:
        if self._roster.row(handoff_id) is None:
            try:
                self._roster.remember(await self._ports.api.handoff(handoff_id))
            except ApiError as exc:
                _LOG.info("a link leads nowhere: %s", exc)
                known = isinstance(exc, RefusedError) and exc.code == "not_found"
                why = "It is not in your account, or not kept any more." if known else "The server did not answer."
                self.notice("That escalation could not be shown", why)
                return
        self.select(handoff_id)

    def _tell(self, receipt: Receipt) -> None:
        self._link.tell(receipt)

    def _hold(self, holding: Holding) -> None:
        self._link.hold(holding)

    def _signed_out(self) -> None:
        self._following.link_signed_out()

    def _dirty(self) -> None:
        self._drawing.dirty()
