"""A page that says one thing: icon, headline, one or two sentences, at most two buttons."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from desktop.ui.about_test import StepLines
from desktop.ui.buttons import Button
from desktop.ui.icons import paint_icon
from desktop.ui.panel import column, row
from desktop.ui.text import label
from desktop.ui.theme import ink, plain, tokens


class MessagePage(QWidget):
    """Centred message. `button` and `second` are hidden until they have words, `steps` until a test has run."""

    def __init__(self, name: str, *, icon: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.icon = _Disc(icon)
        self.title = _centred(label(scale="heading", name=f"{name}Title"))
        self.text = _centred(label(tone="2", name=f"{name}Text"))
        self.button = Button("", name=f"{name}Button")
        self.second = Button("", name=f"{name}SecondButton")
        inner = column(spacing=6)
        inner.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignHCenter)
        inner.addSpacing(8)
        inner.addWidget(self.title)
        inner.addWidget(self.text)
        inner.addSpacing(10)
        buttons = row(spacing=8)
        buttons.addStretch()
        buttons.addWidget(self.second)
        buttons.addWidget(self.button)
        buttons.addStretch()
        inner.addLayout(buttons)
        self.steps = StepLines(name_width=80)
        inner.addSpacing(10)
        inner.addWidget(self.steps)
        holder = QWidget()
        holder.setMaximumWidth(372)
        holder.setLayout(inner)
        outer = column(self, margins=(24, 24, 24, 24))
        outer.addStretch()
        line = row()
        line.addStretch(1)
        line.addWidget(holder, 100)
        line.addStretch(1)
        outer.addLayout(line)
        outer.addStretch()

    def show_message(self, title: str, text: str) -> None:
        """Show these words; buttons appear when they have a label."""
        self.title.setText(title)
        self.title.setVisible(bool(title))
        self.text.setText(text)
        self.text.setVisible(bool(text))
        for button in (self.button, self.second):
            button.setVisible(bool(button.text()))


def _centred(widget: QLabel) -> QLabel:
    widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    widget.setWordWrap(True)
    return widget


class _Disc(QWidget):
    """An icon of 20 px on a disc of 44 px."""

    def __init__(self, icon: str) -> None:
        super().__init__()
        self._icon = icon
        self.setFixedSize(QSize(44, 44))

    def set_icon(self, icon: str) -> None:
        self._icon = icon
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not plain():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens().active if tokens().dark else tokens().sunken))
            painter.drawEllipse(self.rect())
        paint_icon(painter, self._icon, QRectF(12, 12, 20, 20), ink(self, "text_2"))
