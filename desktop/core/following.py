"""Follows the server: what the link brings becomes what is known, what is told and what is drawn.

Before the first greeting stands what was known when the app ran last; it can be read, and nothing else.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from backend.contract.events import Event
from backend.contract.handoffs import QueuePage
from backend.contract.people import UserView
from desktop.core.alerts import Alerts
from desktop.core.claims import Claims
from desktop.core.last_known import ROWS_MOST, Kept, LastKnown, Shelf
from desktop.core.notify import SENIOR
from desktop.core.ports import ApiError, SignInWatcher, Trace
from desktop.core.presence import Connection
from desktop.core.roster import Roster
from desktop.core.running import ServerTime
from desktop.core.selection import Selection

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What follows. `heard_at` and `cursor` are the link's, `start` runs a task, `dirty` asks for a drawing."""

    roster: Roster
    connection: Connection
    time: ServerTime
    trace: Trace
    watcher: SignInWatcher | None
    shelf: Shelf | None
    alerts: Alerts
    claims: Claims
    selection: Selection
    fetch_queue: Callable[[], Awaitable[QueuePage]]
    heard_at: Callable[[], float | None]
    cursor: Callable[[], int | None]
    start: Callable[[Coroutine[Any, Any, None]], None]
    dirty: Callable[[], None]


class Following:
    """`desktop.core.link.LinkListener`. `live` is called whenever all is known."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._roster = around.roster
        self._connection = around.connection
        self._last = LastKnown(around.shelf, around.connection.server, self._gather, around.time.mono)
        self.live: Callable[[], None] = lambda: None

    # -- life --------------------------------------------------------------------------------------------------------

    def begin(self, *, signed_in: bool) -> None:
        """Before the link runs: what is known until then."""
        if not signed_in:
            self._connection.signed_out(self._around.time.wall())
            self._last.forget()
        elif (kept := self._last.recall()) is not None:
            self._roster.me = kept.user
            self._connection.last_update = kept.as_of
            self._roster.inbox.load(kept.rows)
            self._around.selection.recall(kept.handoffs)

    def end(self) -> None:
        """The app ends, or another takes this one's place."""
        self._last.stop()

    # -- the link ----------------------------------------------------------------------------------------------------

    def link_up(self, user: UserView, server_time: datetime) -> None:
        """The server greeted."""
        around, roster = self._around, self._roster
        around.time.is_now(server_time)
        former, first = roster.me, not roster.greeted
        if former is not None and former.id != user.id:
            roster.everyone_else()
            around.selection.forget()
            self._last.forget()
        roster.me, roster.greeted = user, True
        around.alerts.notifier.me = user
        around.alerts.notifier.reconnecting()
        if first:
            around.trace.mark("signed_in")
            if around.watcher is not None:
                around.watcher.signed_in()
        elif former is not None and former.role in SENIOR and user.role not in SENIOR:
            self._role_gone()
        elif user.role in SENIOR and self._state() == "role_changed":
            self._connection.again(around.time.mono())
        around.dirty()

    def link_live(self) -> None:
        """All that had happened is known: compare the toasts with the queue."""
        self._around.trace.mark("live")
        if self._state() != "role_changed":
            self._connection.live(self._around.time.wall())
        self._around.alerts.mute()
        self._around.alerts.settled()
        self._around.selection.reload()
        self._last.changed()
        self.live()
        self._around.dirty()

    def link_down(self, reason: str, retry_in_s: float | None) -> None:
        """No stream."""
        now, wall = self._around.time.mono(), self._around.time.wall()
        heard_at = self._around.heard_at()
        if heard_at is not None and self._state() == "connected":
            self._connection.last_update = wall - timedelta(seconds=now - heard_at)
        self._connection.down(now, wall, retry_in_s)
        _LOG.debug("link down: %s", reason)
        if self._around.watcher is not None:
            self._around.watcher.unreachable(reason)
        self._around.dirty()

    def link_event(self, event: Event) -> None:
        """One event, once, in order."""
        around = self._around
        around.trace.mark("frame", handoff=event.data.get("handoff_id"), kind=event.kind, seq=event.seq)
        change = self._roster.inbox.apply(event, around.time.mono())
        if change.incomplete:
            # An event without its row cannot be folded; the queue itself is the way back to the truth.
            around.start(self._reload_queue())
        if change.row is not None:
            self._roster.remember(change.row)
        selected = change.handoff_id == around.selection.id
        around.claims.changed(change, self._roster.me, selected=selected)
        around.alerts.changed(change)
        if selected and event.kind != "handoff.delivery":
            around.selection.reload()
        self._last.changed()
        around.dirty()

    def link_queue(self, page: QueuePage) -> None:
        """The queue was fetched anew."""
        self._roster.inbox.load(page.items)
        self._around.alerts.reloaded()
        self._around.dirty()

    def link_signed_out(self) -> None:
        """The token is not valid: hide the queue, take the toasts away. Said once, however many calls find out."""
        if self._state() == "signed_out":
            return
        self._around.trace.mark("signed_out")
        self._connection.signed_out(self._around.time.wall())
        self._last.forget()
        self._around.alerts.forget()
        if self._around.watcher is not None:
            self._around.watcher.refused()
        self._around.dirty()

    def link_not_allowed(self) -> None:
        """The role does not include escalations any more."""
        self._role_gone()
        self._around.alerts.forget()
        self._around.dirty()

    def role_refused(self) -> None:
        """A claim was refused for the role."""
        self._role_gone()
        self._around.dirty()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _state(self) -> str:
        return self._connection.state(self._around.time.mono())

    def _role_gone(self) -> None:
        self._connection.role_changed(self._around.time.wall())
        self._last.forget()

    async def _reload_queue(self) -> None:
        try:
            page = await self._around.fetch_queue()
        except ApiError as exc:
            _LOG.warning("the queue could not be fetched: %s", exc)
            return
        if page.seq >= (self._around.cursor() or 0):
            self.link_queue(page)
            self._around.alerts.settled()

    def _gather(self) -> Kept | None:
        live = self._state() == "connected"
        as_of = self._around.time.wall() if live else self._connection.last_update
        if self._roster.me is None or not self._roster.greeted or as_of is None or self._connection.hides:
            return None
        return Kept(
            server=self._connection.server,
            user=self._roster.me,
            as_of=as_of,
            rows=self._roster.inbox.sorted()[:ROWS_MOST],
            handoffs=self._around.selection.known,
        )
