"""The fallback toast: one small window that says what arrived and never takes the focus."""

from typing import Final

from PySide6.QtCore import QElapsedTimer, QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QBitmap, QColor, QEnterEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.views import ToastView
from desktop.ui.badges import PriorityPill
from desktop.ui.buttons import Button, IconButton, Variant
from desktop.ui.panel import Hairline, IconLabel, clear, column, row
from desktop.ui.text import Elided, label
from desktop.ui.theme import plain, tokens
from desktop.ui.times import clock_text
from desktop.ui.tokens import TOAST_WIDTH
from desktop.ui.two_lines import TwoLines

_RADIUS: Final = 8
_POINTED_MS: Final = 400
_NAMES: Final = {"claim": "toastClaimButton", "view": "toastViewButton", "open_session": "toastViewButton"}


class ToastCard(QWidget):
    """Draws one `ToastView`. `pressed` carries the action, `dismissed` comes from Esc, the cross or the timer.

    `painted` comes once for each view, when the window system has let it be drawn: before that nobody can have seen it.
    """

    pressed = Signal(str)
    dismissed = Signal()
    painted = Signal()

    def __init__(self) -> None:
        super().__init__(
            None,
            Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint,
        )
        self.setObjectName("toast")
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_X11NetWmWindowTypeNotification)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedWidth(TOAST_WIDTH)
        self.view: ToastView | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.dismissed)
        self._up = QElapsedTimer()
        self._fresh = False
        self._build()

    def _build(self) -> None:
        self._note = label(scale="caption", tone="2")
        self.close_button = IconButton("close", name="toastCloseButton", accessible="Close", size=24, icon_size=14)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_button.clicked.connect(self.dismissed)
        head = row(spacing=8, margins=(14, 6, 9, 0))
        head.addWidget(IconLabel("arrow", "accent_text", 14))
        head.addWidget(Elided("FlowPilot Escalations", scale="caption", tone="2"), 1)
        head.addWidget(self._note)
        head.addWidget(self.close_button)
        self._priority = PriorityPill(pill=False)
        self._dot = label("·", scale="caption", tone="3")
        self._customer = Elided(scale="caption", tone="2")
        where = row(spacing=8, margins=(0, 2, 0, 2))
        where.addWidget(self._priority)
        where.addWidget(self._dot)
        where.addWidget(self._customer, 1)
        self.title = Elided(scale="lead", name="toastTitle")
        self.title.setMinimumHeight(20)
        self.body = TwoLines("toastBody")
        words = column(spacing=2, margins=(14, 2, 14, 12))
        words.addLayout(where)
        words.addWidget(self.title)
        words.addWidget(self.body)
        self._buttons = row(spacing=8, margins=(14, 0, 14, 14))
        self._button_box = QWidget()
        self._button_box.setLayout(self._buttons)
        self._layout = layout = column(self)
        layout.addLayout(head)
        layout.addLayout(words)
        layout.addWidget(self._button_box)
        layout.addWidget(self._foot())

    def _foot(self) -> QWidget:
        self._foot_box = QWidget()
        self._at = label(scale="caption", tone="3", tabular=True)
        line = row(spacing=6, margins=(14, 9, 14, 10))
        line.addWidget(IconLabel("check", "success", 14))
        line.addWidget(label("Claimed", scale="strong", tone="success"))
        line.addStretch()
        line.addWidget(self._at)
        inner = column(self._foot_box, margins=(1, 0, 1, 0))
        inner.addWidget(Hairline())
        inner.addLayout(line)
        return self._foot_box

    def show_toast(self, view: ToastView) -> None:
        """Show this; replacing another in place keeps the window where it is."""
        self.view = view
        self._fresh = True
        self.update()
        self.setProperty("escalationId", view.id)
        self.setProperty("variant", view.variant)
        self.setAccessibleName(f"{view.title}. {view.body}")
        self._note.setText(view.note or ("For you" if view.for_you else ""))
        if view.priority is not None:
            self._priority.set_priority(view.priority)
        self._priority.setVisible(view.priority is not None)
        self._dot.setVisible(view.priority is not None and bool(view.customer))
        self._customer.setText(view.customer or "")
        self._customer.setVisible(bool(view.customer))
        self.title.setText(view.title)
        self.body.setText(view.body)
        self.body.setVisible(bool(view.body))
        self._fill_buttons(view)
        self._foot_box.setVisible(view.variant == "claimed")
        self._at.setText(clock_text(view.at, view.at, seconds=True) if view.at else "")
        self.setFixedHeight(self._layout.totalHeightForWidth(TOAST_WIDTH))
        self.setFocus()  # not a button: a key typed into another program must never press one
        self._up.start()
        self.restart()

    def _fill_buttons(self, view: ToastView) -> None:
        clear(self._buttons)
        self._button_box.setVisible(bool(view.buttons))
        about = f"{view.title}, {view.customer}" if view.customer else view.title
        for action, words in view.buttons:
            variant: Variant = "primary" if action == "claim" else "secondary"
            name = _NAMES.get(action, f"toast{action.title().replace('_', '')}Button")
            button = Button(words.replace("&", "&&"), name=name, variant=variant, accessible=f"{words} {about}")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _checked=False, action=action: self._press(action))
            self._buttons.addWidget(button, 1)

    def _press(self, action: str) -> None:
        for index in range(self._buttons.count()):
            item = self._buttons.itemAt(index)
            if item is not None and (button := item.widget()) is not None:
                button.setEnabled(False)  # a second press cannot claim twice
        self.pressed.emit(action)

    def restart(self) -> None:
        """Start the time it stays, from the whole."""
        self._timer.stop()
        if self.view is not None and self.view.stays_s is not None:
            self._timer.start(round(self.view.stays_s * 1000))

    def stop(self) -> None:
        """Stop the time it stays."""
        self._timer.stop()

    def remaining_ms(self) -> int:
        """What is left of the time it stays, in ms; -1 when it stays until acted on."""
        return self._timer.remainingTime()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
            return
        super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Whoever points at it is reading: the time waits (Qt)."""
        super().enterEvent(event)
        # A toast that comes up under a resting pointer was not pointed at; it must still go by itself.
        if self._up.isValid() and self._up.elapsed() > _POINTED_MS:
            self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        """The time starts again (Qt)."""
        super().leaveEvent(event)
        self.restart()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the corners, for desktops that draw no translucency (Qt)."""
        super().resizeEvent(event)
        shape = QPixmap(self.size())
        shape.fill(Qt.GlobalColor.transparent)
        painter = QPainter(shape)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.GlobalColor.black)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(shape.rect()), _RADIUS, _RADIUS)
        painter.end()
        self.setMask(QBitmap(shape.mask()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground and border (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        window = self.palette().color(self.palette().ColorRole.Window)
        text = self.palette().color(self.palette().ColorRole.WindowText)
        painter.setBrush(window if plain() else QColor(tokens().raised))
        painter.setPen(QPen(text if plain() else QColor(tokens().toast_border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        if self._fresh and self.isVisible() and self.windowHandle().isExposed():
            self._fresh = False
            QTimer.singleShot(0, self, self.painted.emit)  # what hears it may change the window that is being drawn
