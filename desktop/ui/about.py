"""About and diagnostics: what support asks for first, selectable and copyable, and a test of the way to the server."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QHideEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from desktop.core.views import ProbeStep
from desktop.ui import placement
from desktop.ui.about_test import ConnectionTest, StepLines
from desktop.ui.brand import app_icon
from desktop.ui.buttons import Button
from desktop.ui.flow import FlowLayout
from desktop.ui.fonts import font
from desktop.ui.glyphs import paint_dot
from desktop.ui.panel import Hairline, IconLabel, clear, column, filled, row
from desktop.ui.text import Prose, label
from desktop.ui.theme import ink
from desktop.version import version

SEND = "Send a test notification"
NOTE = "Copied and saved diagnostics hold no tokens, customer names or conversation text."


class Dot(QWidget):
    """Full while all is well, hollow otherwise."""

    def __init__(self, *, good: bool) -> None:
        super().__init__()
        self._good = good
        self.setFixedSize(QSize(8, QFontMetrics(font("body")).height()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        colour = ink(self, "success" if self._good else "text_3")
        paint_dot(QPainter(self), QPointF(4, self.height() / 2), colour, hollow=not self._good)


class AboutWindow(QWidget):
    """Rows as told. What is copied is made by `copied`, which gets the test's steps."""

    open_logs_requested = Signal()
    connection_test_requested = Signal()
    updates_requested = Signal()
    test_requested = Signal()
    save_requested = Signal()

    def __init__(
        self, rows: Sequence[tuple[str, str]], copied: Callable[[Sequence[ProbeStep]], str] | None = None
    ) -> None:
        super().__init__()
        self.setObjectName("aboutWindow")
        self.setWindowTitle("About and diagnostics")
        self.setWindowIcon(app_icon())
        filled(self, "surface")
        self.resize(760, 520)
        self.setMinimumSize(480, 320)
        self._rows: list[tuple[str, str]] = []
        self._values: list[Prose] = []
        self._live: bool | None = None
        self._copied = copied or self._plain
        self._table = QGridLayout()
        self.update_line = label("", tone="2", name="updateLine")
        self.updates_button = Button("Check for updates", name="checkUpdatesButton")
        self.updates_button.clicked.connect(self.updates_requested)
        self.test = ConnectionTest(button=False)
        self.test_button = self.test.button
        self.test.requested.connect(self.connection_test_requested)
        self.copy_button = Button("Copy diagnostics", name="copyDiagnosticsButton")
        self.save_button = Button("Save diagnostics", name="saveDiagnosticsButton")
        self.send_button = Button("Send a test", name="testNotificationButton", accessible=SEND)
        self.hops = StepLines()
        self.logs_button = Button("Open log folder", name="openLogsButton")
        self.send_button.clicked.connect(self.test_requested)
        self.save_button.clicked.connect(self.save_requested)
        self.copy_button.clicked.connect(self._copy)
        self.logs_button.clicked.connect(self.open_logs_requested)
        self._following = QTimer(self, singleShot=True, interval=300)
        self._build()
        self.show_rows(rows)
        placement.restore(self, None, "about")

    def _build(self) -> None:
        head = row(spacing=12)
        head.addWidget(IconLabel("arrow", "accent", 32))
        names = column(spacing=1)
        names.addWidget(label(f"FlowPilot Escalations {version()}", scale="heading"))
        names.addWidget(self.update_line)
        head.addLayout(names)
        head.addStretch()
        head.addWidget(self.updates_button)
        holder = QWidget()
        filled(holder, "surface")
        holder.setObjectName("diagnosticsTable")
        holder.setAccessibleName("Diagnostics")
        self._table.setContentsMargins(0, 0, 0, 0)
        self._table.setHorizontalSpacing(16)
        self._table.setVerticalSpacing(7)
        self._table.setColumnMinimumWidth(0, 134)
        self._table.setColumnStretch(1, 1)
        inner = column(holder, spacing=12, margins=(0, 0, 8, 0))
        inner.addLayout(self._table)
        inner.addWidget(self.test)
        inner.addWidget(self.hops)
        inner.addStretch()
        self._area = QScrollArea()
        self._area.setObjectName("detailScroll")
        self._area.setAccessibleName("Diagnostics")
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidget(holder)
        self._area.verticalScrollBar().rangeChanged.connect(self._room_changed)
        holds = QWidget()
        filled(holds, "surface")
        buttons = FlowLayout(holds, spacing=8, line_gap=8)
        for button in (self.test_button, self.send_button, self.logs_button, self.copy_button, self.save_button):
            buttons.addWidget(button)
        note = row(spacing=8)
        note.addWidget(IconLabel("info", "text_2", 14), 0, Qt.AlignmentFlag.AlignTop)
        self.note = Prose(NOTE, scale="caption", tone="2", name="diagnosticsNote")
        note.addWidget(self.note, 1)
        layout = column(self, spacing=18, margins=(24, 20, 24, 20))
        layout.addLayout(head)
        layout.addWidget(Hairline())
        layout.addWidget(self._area, 1)
        layout.addWidget(holds)
        layout.addLayout(note)

    def show_rows(self, rows: Sequence[tuple[str, str]], *, live: bool | None = None) -> None:
        """Replace the rows; `live` puts a dot before the connection's. A selection in unchanged rows stays."""
        known = [name for name, _ in self._rows] == [name for name, _ in rows] and live == self._live
        self._rows, self._live = list(rows), live
        if known:
            for (_name, value), shown in zip(rows, self._values, strict=True):
                shown.setText(value)
            return
        clear(self._table)
        self._values = [Prose(value) for _name, value in rows]
        for place, (name, _value) in enumerate(rows):
            self._table.addWidget(label(name, tone="3"), place, 0, Qt.AlignmentFlag.AlignTop)
            line = row(spacing=8)
            if name == "Connection" and live is not None:
                line.addWidget(Dot(good=live), 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(self._values[place], 1)
            self._table.addLayout(line, place, 1)

    def show_update(self, words: str, *, can_check: bool) -> None:
        """What is known of newer versions."""
        self.update_line.setText(words)
        self.updates_button.setVisible(can_check)

    def show_steps(self, steps: tuple[ProbeStep, ...], *, running: bool) -> None:
        """The connection test as far as it has come, brought into sight."""
        self.test.show_steps(steps, running=running)
        # New lines take their room some turns of the loop later.
        self._following.start()

    def show_test(self, steps: tuple[ProbeStep, ...], *, running: bool) -> None:
        """The test notification as far as it has come, brought into sight."""
        self.send_button.set_label("Sending" if running else "Send a test", accessible=SEND)
        self.hops.show_steps(steps)
        self._following.start()

    def say(self, words: str) -> None:
        """One line at the foot: where the diagnostics are, or why there are none."""
        self.note.setText(words or NOTE)

    def _room_changed(self, _least: int, most: int) -> None:
        if self._following.isActive():
            self._area.verticalScrollBar().setValue(most)

    def text(self) -> str:
        """The rows as they are copied: one line each."""
        return "\n".join(f"{name}: {value}" for name, value in self._rows)

    def _plain(self, _steps: Sequence[ProbeStep]) -> str:
        return f"FlowPilot Escalations {version()}\n{self.text()}\n"

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._copied(self.test.steps))
        self.copy_button.set_label("Copied", accessible="Diagnostics copied")

    def hideEvent(self, event: QHideEvent) -> None:
        """It is no longer seen (Qt)."""
        placement.remember(self, None, "about")
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
