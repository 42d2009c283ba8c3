"""A test as it runs, one line for each step as soon as it is known; and the connection test with its button."""

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
NAME_WIDTH: Final = 120
_SPOKEN: Final[dict[ProbeState, str]] = {"running": "running", "good": "good", "bad": "failed", "left_out": "left out"}


class StepLines(QWidget):
    """One line for each step of a test; hidden while there are none."""

    def __init__(self, *, name_width: int = NAME_WIDTH) -> None:
        super().__init__()
        self._name_width = name_width
        self.steps: tuple[ProbeStep, ...] = ()
        self._lines = column(self, spacing=4)
        self.hide()

    def show_steps(self, steps: tuple[ProbeStep, ...]) -> None:
        """Replace the lines."""
        if steps == self.steps:
            return
        self.steps = steps
        clear(self._lines)
        for step in steps:
            icon, token = _ICON[step.state]
            holder = QWidget()
            holder.setAccessibleName(f"{step.name}: {_SPOKEN[step.state]}. {step.words}".strip())
            line = row(holder, spacing=8)
            line.addWidget(IconLabel(icon, token, 14), 0, Qt.AlignmentFlag.AlignVCenter)
            name = label(step.name, tone="2")
            name.setFixedWidth(self._name_width)
            line.addWidget(name)
            tone: Tone = "danger" if step.state == "bad" else "1"
            line.addWidget(Prose(step.words or ("Running" if step.state == "running" else ""), tone=tone), 1)
            self._lines.addWidget(holder)
        self.setVisible(bool(steps))


class ConnectionTest(QWidget):
    """`requested` starts it; `show_steps` draws what is known so far."""

    requested = Signal()

    def __init__(self, *, button: bool = True) -> None:
        super().__init__()
        layout = column(self, spacing=8)
        self.button = Button("Run connection test", name="connectionTestButton")
        self.button.clicked.connect(self.requested)
        if button:
            line = row()
            line.addWidget(self.button)
            line.addStretch()
            layout.addLayout(line)
        self.lines = StepLines()
        layout.addWidget(self.lines)

    @property
    def steps(self) -> tuple[ProbeStep, ...]:
        """What is shown."""
        return self.lines.steps

    def show_steps(self, steps: tuple[ProbeStep, ...], *, running: bool) -> None:
        """Replace the lines. The button keeps the focus while it runs; whoever hears it starts no second test."""
        self.button.set_label("Testing" if running else "Run connection test")
        self.lines.show_steps(steps)
