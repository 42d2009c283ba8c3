"""Words on screen. Everything here is plain text: markup in a server's string is shown, never obeyed."""

import math
from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QTextLayout, QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QTextEdit, QWidget

from desktop.ui.fonts import Scale, font

Tone = Literal["1", "2", "3", "ai", "danger", "success", "warning", "accent"]


def label(
    text: str = "",
    *,
    scale: Scale = "body",
    tone: Tone = "1",
    tabular: bool = False,
    name: str | None = None,
    parent: QWidget | None = None,
) -> QLabel:
    """A label of one line, as wide as its text; for text that may be long use `Prose` or `Elided`."""
    return _dress(QLabel(text, parent), scale, tone, tabular=tabular, name=name)


def _dress(widget: QLabel, scale: Scale, tone: Tone, *, tabular: bool, name: str | None) -> QLabel:
    widget.setTextFormat(Qt.TextFormat.PlainText)
    widget.setFont(font(scale, tabular=tabular))
    widget.setProperty("tone", tone)
    if name:
        widget.setObjectName(name)
    return widget


def set_tone(widget: QWidget, tone: Tone) -> None:
    """Change a label's colour and let the style sheet see it."""
    if widget.property("tone") == tone:
        return
    widget.setProperty("tone", tone)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Elided(QLabel):
    """One line that ends in an ellipsis when there is no room; the full text is in the tooltip."""

    def __init__(
        self, text: str = "", *, scale: Scale = "body", tone: Tone = "1", name: str | None = None, tabular: bool = False
    ) -> None:
        super().__init__()
        _dress(self, scale, tone, tabular=tabular, name=name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show this text."""
        super().setText(" ".join(text.split()))
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """The least size in px (Qt)."""
        return QSize(24, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)


def wrapped_height(text: str, shown: QFont, width: int) -> int:
    """Height in px of text wrapped in `width` px, laid out as a text edit does.

    The edit's own document answers lazily: right after a change of width it may still give the old height.
    """
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    height = 0.0
    for paragraph in text.split("\n"):
        layout = QTextLayout(paragraph or " ", shown)
        layout.setTextOption(option)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLeadingIncluded(True)
            line.setLineWidth(max(1, width))
            height += math.ceil(line.height())
        layout.endLayout()
    return math.ceil(height)


class Prose(QTextEdit):
    """Selectable plain text that wraps anywhere if it must, as tall as its words.

    A label cannot break a run without spaces (a path, a hash, a log line) and would push the page wider.
    """

    def __init__(self, text: str = "", *, scale: Scale = "body", tone: Tone = "1", name: str | None = None) -> None:
        super().__init__()
        self.setProperty("prose", "true")
        self.setProperty("tone", tone)
        if name:
            self.setObjectName(name)
        self.setAcceptRichText(False)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(font(scale))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._heights: dict[int, int] = {}
        self.setText(text)

    def text(self) -> str:
        """The words as given."""
        return self.toPlainText()

    def setText(self, text: str) -> None:
        """Replace the words; a selection in unchanged words stays."""
        if text == self.toPlainText() and self._heights:
            return
        self.setPlainText(text)
        self._heights.clear()
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        """Theme, font or state changed (Qt)."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and hasattr(self, "_heights"):
            self._heights.clear()
            self.updateGeometry()

    def hasHeightForWidth(self) -> bool:
        """The height depends on the width (Qt)."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height in px of the words in `width` px; remembered, because layouts ask many times."""
        if width not in self._heights:
            if len(self._heights) > 8:
                self._heights.clear()
            self._heights[width] = wrapped_height(self.toPlainText(), self.font(), width)
        return self._heights[width]

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        # Before its first layout a text edit is 640 px wide by default, which says nothing.
        laid_out = self.testAttribute(Qt.WidgetAttribute.WA_Resized)
        width = self.width() if laid_out and self.width() > 40 else 320
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """The least size in px (Qt)."""
        return QSize(40, QFontMetrics(self.font()).height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel turned (Qt)."""
        event.ignore()  # the page scrolls, not the paragraph

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key went down (Qt)."""
        super().keyPressEvent(event)
        if event.text() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # the window's single-letter keys go on working after a click on a paragraph
