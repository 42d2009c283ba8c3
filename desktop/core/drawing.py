"""When the screen is drawn, and from what: at once, in a burst at most every 50 ms, and only what has changed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.people import UserView
from desktop.core import present
from desktop.core.alarm import Alarm
from desktop.core.inbox import Inbox
from desktop.core.ports import Screen
from desktop.core.presence import Connection, DoNotDisturb
from desktop.core.running import ServerTime
from desktop.core.selection import Selection
from desktop.core.tray import tray_view
from desktop.core.views import DetailView, QueueView, RowView, TrayView
from desktop.core.vitals import Vitals

REFRESH_EVERY_S: Final = 0.05
TICK_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that a drawing depends on."""

    inbox: Inbox
    connection: Connection
    dnd: DoNotDisturb
    time: ServerTime
    cases: Mapping[str, present.Case]
    selection: Selection
    me: Callable[[], UserView | None]
    quiet: Callable[[], tuple[bool, datetime | None]] = lambda: (False, None)
    vitals: Vitals


class Drawing:
    """Draws `known` on `screen`. `due` is the policy's next deadline, at which `on_time` is called before drawing."""

    def __init__(
        self,
        known: Known,
        screen: Screen,
        *,
        due: Callable[[], float | None],
        on_time: Callable[[], None],
    ) -> None:
        self._known = known
        self._screen = screen
        self._due = due
        self._on_time = on_time
        self._alarm = Alarm(self._wake)
        self._soon = Alarm(self._draw)
        self._drawn_at = float("-inf")
        self._queue: QueueView | None = None
        self._detail: DetailView | None = None
        self._tray: TrayView | None = None
        self._made: present.Made = {}
        self._running = False

    def start(self) -> None:
        """Draw for the first time."""
        self._running = True
        self._draw()

    def stop(self) -> None:
        """Draw no more."""
        self._running = False
        self._alarm.stop()
        self._soon.stop()

    def dirty(self) -> None:
        """Something changed."""
        if self._running:
            now = asyncio.get_running_loop().time()
            self._soon.at(max(now, self._drawn_at + REFRESH_EVERY_S))

    def wake(self) -> None:
        """Clocks have moved by themselves: what is due by now is done."""
        if self._running:
            self._wake()

    def _wake(self) -> None:
        now, wall = self._known.time.mono(), self._known.time.wall()
        self._known.inbox.expire(now, wall)
        self._on_time()
        self._draw()

    def _draw(self) -> None:
        self._drawn_at = asyncio.get_running_loop().time()
        former = self._queue, self._detail, self._tray
        self._queue, self._detail, self._tray = self._views()
        if self._queue != former[0]:
            self._screen.show_queue(self._queue)
        if self._detail != former[1]:
            self._screen.show_detail(self._detail)
        if self._tray != former[2]:
            self._screen.show_tray(self._tray)
        self._alarm.at(self._next_wake())

    def _views(self) -> tuple[QueueView, DetailView | None, TrayView]:
        known = self._known
        now, wall, me = known.time.mono(), known.time.wall(), known.me()
        connection = known.connection.view(now)
        known.vitals.state(connection.state)
        hidden = connection.state in {"signed_out", "role_changed"}
        rows = () if hidden else present.row_views(known.inbox, me, known.cases, now, wall, self._made)
        queue = QueueView(
            connection=connection,
            rows=rows,
            loaded=known.inbox.loaded,
            me=me,
            claimed_recently=() if hidden else present.claimed_views(known.inbox),
            dnd_until=known.dnd.until,
            dnd_on=known.dnd.on,
            clock_offset=known.time.offset,
        )
        tray = tray_view(
            connection,
            [] if hidden else known.inbox.sorted(),
            wall=wall,
            next_row=next((row for row in rows if row.claimable), None),
            dnd_on=known.dnd.on,
            dnd_until=known.dnd.until,
            quiet=known.quiet(),
        )
        return queue, None if hidden else self._detail_view(rows, stale=connection.state != "connected"), tray

    def _detail_view(self, rows: tuple[RowView, ...], *, stale: bool) -> DetailView | None:
        picked = self._known.selection
        if picked.row is None:
            return None
        wall = self._known.time.wall()
        case = self._known.cases.get(picked.row.id)
        row = next((row for row in rows if row.id == picked.id), None)
        row = row or present.row_view(picked.row, self._known.me(), case, None, wall)
        return present.detail_view(row, picked.handoff, picked.error, case, wall=wall, stale=stale)

    def _next_wake(self) -> float | None:
        known = self._known
        now, wall = known.time.mono(), known.time.wall()
        times = [known.inbox.deadline, known.connection.deadline(now), self._due()]
        # Words such as `longest 4:12` grow older only while something waits.
        if known.inbox.waiting:
            times.append(now + TICK_S)
        ends = [end for end in (known.dnd.until, known.inbox.claims_end) if end is not None]
        times += [now + max(0.0, (end - wall).total_seconds()) for end in ends]
        return min((when for when in times if when is not None), default=None)
