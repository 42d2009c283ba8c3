"""About and diagnostics: what support asks for first, selectable and copyable."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from desktop.ui.brand import app_icon, version_text
from desktop.ui.buttons import Button
from desktop.ui.detail_sections import pair_grid
from desktop.ui.panel import Hairline, IconLabel, clear, column, filled, row
from desktop.ui.text import label


class AboutWindow(QWidget):
    """Rows as told; `open_logs_requested` asks for the log folder."""

    open_logs_requested = Signal()

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        super().__init__()
        self.setObjectName("aboutWindow")
        self.setWindowTitle("About and diagnostics")
        self.setWindowIcon(app_icon())
        filled(self, "surface")
        self.resize(760, 480)
        self.setMinimumSize(480, 320)
        self._rows: list[tuple[str, str]] = []
        self._table = column()
        self.copy_button = Button("Copy diagnostics", name="copyDiagnosticsButton")
        self.logs_button = Button("Open log folder", name="openLogsButton")
        self.copy_button.clicked.connect(self._copy)
        self.logs_button.clicked.connect(self.open_logs_requested)
        self._build()
        self.show_rows(rows)

    def _build(self) -> None:
        head = row(spacing=12)
        head.addWidget(IconLabel("arrow", "accent", 32))
        names = column(spacing=1)
        names.addWidget(label("FlowPilot Escalations", scale="heading"))
        names.addWidget(label(version_text(), tone="2"))
        head.addLayout(names)
        head.addStretch()
        holder = QWidget()
        filled(holder, "surface")
        holder.setObjectName("diagnosticsTable")
        holder.setAccessibleName("Diagnostics")
        inner = column(holder, margins=(0, 0, 8, 0))
        inner.addLayout(self._table)
        inner.addStretch()
        area = QScrollArea()
        area.setObjectName("detailScroll")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(holder)
        buttons = row(spacing=8)
        buttons.addWidget(self.logs_button)
        buttons.addWidget(self.copy_button)
        buttons.addStretch()
        note = row(spacing=8)
        note.addWidget(IconLabel("info", "text_2", 14))
        words = "Copied diagnostics hold no tokens, customer names or conversation text."
        note.addWidget(label(words, scale="caption", tone="2"), 1)
        layout = column(self, spacing=18, margins=(24, 20, 24, 20))
        layout.addLayout(head)
        layout.addWidget(Hairline())
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        layout.addLayout(note)

    def show_rows(self, rows: list[tuple[str, str]]) -> None:
        """Replace the rows."""
        self._rows = list(rows)
        clear(self._table)
        self._table.addLayout(pair_grid(rows, label_width=134))

    def text(self) -> str:
        """The rows as they are copied: one line each."""
        return "\n".join(f"{name}: {value}" for name, value in self._rows)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"FlowPilot Escalations {version_text()}\n{self.text()}\n")
        self.copy_button.set_label("Copied", accessible="Diagnostics copied")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
