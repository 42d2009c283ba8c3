"""The stack of fallback toasts: one visible, others wait by rank, more than two waiting become one digest.

What the user's own press brought (claimed, lost, offline, unknown) comes first and replaces its toast in place. An
urgent one takes the place of a lesser one, which goes back into the queue.
"""

import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, QPoint, QRect, QTimer, Signal, SignalInstance
from PySide6.QtGui import QCursor, QGuiApplication, QScreen

from backend.contract.vocabulary import PRIORITY_RANK
from desktop.core.views import ToastVariant, ToastView
from desktop.ui.toast_card import ToastCard
from desktop.ui.tokens import TOAST_MARGIN, TOAST_WIDTH

_OUTCOMES: Final[frozenset[ToastVariant]] = frozenset({"claimed", "lost", "offline", "unknown"})
DIGEST: Final = "digest"
_MOST_WAITING: Final = 2
UNDRAWN_MS: Final = 3000
_KEEP_OPEN: Final = frozenset({"claim", "retry"})


class ToastStack(QObject):
    """`pressed` carries toast id and action, `closed` the id of a toast that was closed or ran out of time.

    A toast whose *Claim* or *Try again* was pressed stays, with its buttons off, until it is replaced or withdrawn; any
    other press closes it (without `closed`). `shown` tells when one has been drawn on the screen, `failed` when one
    should have been for three seconds and is not.
    """

    pressed = Signal(str, str)
    closed = Signal(str)
    shown = Signal(str)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._undrawn = QTimer(self, singleShot=True, interval=UNDRAWN_MS)
        self._undrawn.timeout.connect(partial(self._tell, self.failed))
        self._waiting: list[ToastView] = []
        self._card: ToastCard | None = None
        self._digested: tuple[ToastView, ...] = ()

    @property
    def visible(self) -> ToastView | None:
        """What is on screen."""
        return self._card.view if self._card is not None and self._card.isVisible() else None

    @property
    def waiting(self) -> tuple[ToastView, ...]:
        """What waits for its turn, in order."""
        return tuple(self._waiting)

    def show_toast(self, view: ToastView) -> None:
        """Show this now, in place of its own earlier form, or queue it."""
        self._waiting = [each for each in self._waiting if each.id != view.id]
        if view.id == DIGEST:
            self._digested = ()  # the rules' own digest knows more than one made of what waited here
        now = self.visible
        if now is None or now.id == view.id:
            self._put(view)
        elif _rank(view)[0] < _rank(now)[0]:
            self._put(view)
            self._queue(now)
        else:
            self._queue(view)

    def withdraw(self, toast_id: str) -> None:
        """Take it away silently, visible or waiting; an unknown id is nothing."""
        self._waiting = [each for each in self._waiting if each.id != toast_id]
        now = self.visible
        if now is not None and now.id == toast_id:
            self._next()
        elif now is not None and self._digested and any(each.id == toast_id for each in self._digested):
            self._digested = tuple(each for each in self._digested if each.id != toast_id)
            self._put(digest(self._digested)) if self._digested else self._next()

    def _painted(self) -> None:
        self._undrawn.stop()
        self._tell(self.shown)

    def _tell(self, news: SignalInstance) -> None:
        """A digest stands for all that it speaks of."""
        now = self.visible
        for view in self._digested or ((now,) if now is not None else ()):
            news.emit(view.id)

    def _too_many(self) -> bool:
        """More wait than anyone would read one by one; outcomes and a digest are never folded into another."""
        single = all(_rank(each)[0] > 0 and each.id != DIGEST for each in self._waiting)
        return single and len(self._waiting) > _MOST_WAITING

    def card(self) -> ToastCard | None:
        """The window, if one was ever needed."""
        return self._card

    def _queue(self, view: ToastView) -> None:
        self._waiting.append(view)
        self._waiting.sort(key=_rank)

    def _put(self, view: ToastView) -> None:
        if view.id != DIGEST:
            self._digested = ()
        if self._card is None:
            self._card = ToastCard()
            self._card.pressed.connect(self._pressed)
            self._card.dismissed.connect(self._dismissed)
            self._card.painted.connect(self._painted)
        card = self._card
        card.show_toast(view)
        self._undrawn.start()
        if not card.isVisible():
            card.show()
        screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
        card.move(corner(screen, card.height()))

    def _pressed(self, action: str) -> None:
        now = self.visible
        if now is None:
            return
        if action not in _KEEP_OPEN:
            self._next()
        self.pressed.emit(now.id, action)

    def _dismissed(self) -> None:
        now = self.visible
        if now is not None:
            self._next()
            self.closed.emit(now.id)

    def _next(self) -> None:
        if self._card is not None:
            self._card.stop()
        self._undrawn.stop()
        if not self._waiting:
            self._digested = ()
            if self._card is not None:
                self._card.hide()
        elif self._too_many():
            self._digested, self._waiting = tuple(self._waiting), []
            self._put(digest(self._digested))
        else:
            self._put(self._waiting.pop(0))


@dataclass(frozen=True, slots=True)
class Place:
    """A corner of the work area."""

    right: bool
    bottom: bool
    centre: bool = False


def place_for(platform: str, desktop: str) -> Place:
    """Bottom right on Windows and KDE, top right on macOS, top centre on GNOME."""
    if platform == "darwin":
        return Place(right=True, bottom=False)
    if "GNOME" in desktop.upper():
        return Place(right=False, bottom=False, centre=True)
    return Place(right=True, bottom=True)


def corner(screen: QScreen, height: int) -> QPoint:
    """The toast's top left on this screen's work area."""
    return corner_in(
        screen.availableGeometry(), height, place_for(sys.platform, os.environ.get("XDG_CURRENT_DESKTOP", ""))
    )


def corner_in(area: QRect, height: int, place: Place) -> QPoint:
    """The toast's top left inside a work area."""
    if place.centre:
        left = area.left() + (area.width() - TOAST_WIDTH) // 2
    else:
        left = area.left() + area.width() - TOAST_WIDTH - TOAST_MARGIN
    bottom = area.top() + area.height() - height - TOAST_MARGIN
    return QPoint(left, bottom if place.bottom else area.top() + TOAST_MARGIN)


def digest(waiting: tuple[ToastView, ...]) -> ToastView:
    """One toast for many: how many, how urgent, for whom."""
    urgent = sum(each.priority == "urgent" for each in waiting)
    customers = list(dict.fromkeys(each.customer for each in waiting if each.customer))
    return ToastView(
        id=DIGEST,
        variant="digest",
        title=f"{len(waiting)} waiting, {urgent} urgent" if urgent else f"{len(waiting)} waiting",
        body=f"{', '.join(customers)}." if customers else "",
        buttons=(("open_queue", "Open queue"), ("dismiss", "Dismiss")),
    )


def _rank(view: ToastView) -> tuple[int, int]:
    """Outcomes of a press first, then urgent ones, then by priority; equal ranks keep their order."""
    if view.variant in _OUTCOMES:
        return 0, 0
    if view.urgent or view.priority == "urgent":
        return 1, 0
    return 2, PRIORITY_RANK[view.priority] if view.priority else len(PRIORITY_RANK)
