"""The connection test as it runs: a button, and one line for each step as soon as it is known."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop.core.views import ProbeState, ProbeStep
from desktop.ui.buttons import Button
from desktop.ui.panel import IconLabel, clear, column, row
from desktop.ui.text import Prose, Tone, label

_ICON: Final[dict[ProbeState, tuple[str, str]]] = {
    "running": ("sync", "text_2"),
    "good": ("check", "success"),
    "bad": ("warn", "danger"),
    "left_out": ("outcome_no_change", "text_3"),
}
_SPOKEN: Final[dict[ProbeState, str]] = {"running": "running", "good": "good", "bad": "failed", "left_out": "left out"}


class ConnectionTest(QWidget):
    """`requested` starts it; `show_steps` draws what is known so far."""

    requested = Signal()

    def __init__(self, *, button: bool = True) -> None:
        super().__init__()
        self.steps: tuple[ProbeStep, ...] = ()
        layout = column(self, spacing=8)
        self.button = Button("Run connection test", name="connectionTestButton")
        self.button.clicked.connect(self.requested)
        if button:
            line = row()
            line.addWidget(self.button)
            line.addStretch()
            layout.addLayout(line)
        self._lines = column(spacing=4)
        layout.addLayout(self._lines)

    def show_steps(self, steps: tuple[ProbeStep, ...], *, running: bool) -> None:
        """Replace the lines. The button keeps the focus while it runs; whoever hears it starts no second test."""
        self.steps = steps
        self.button.set_label("Testing" if running else "Run connection test")
        clear(self._lines)
        for step in steps:
            icon, token = _ICON[step.state]
            holder = QWidget()
            holder.setAccessibleName(f"{step.name}: {_SPOKEN[step.state]}. {step.words}".strip())
            line = row(holder, spacing=8)
            line.addWidget(IconLabel(icon, token, 14), 0, Qt.AlignmentFlag.AlignVCenter)
            name = label(step.name, tone="2")
            name.setFixedWidth(120)
            line.addWidget(name)
            tone: Tone = "danger" if step.state == "bad" else "1"
            line.addWidget(Prose(step.words or ("Running" if step.state == "running" else ""), tone=tone), 1)
            self._lines.addWidget(holder)
