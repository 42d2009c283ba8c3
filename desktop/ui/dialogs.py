"""Small dialogs: why it is handed back, whether to claim, which keys there are."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QPlainTextEdit, QWidget

from desktop.core.views import RowView
from desktop.ui.buttons import Button
from desktop.ui.panel import Hairline, column, filled, row
from desktop.ui.text import Prose, label
from desktop.ui.words import first_name

_SHORTEST: Final = 5
_LONGEST: Final = 500
KEYS: Final = (
    ("J or ↓", "Next row"),
    ("K or ↑", "Previous row"),
    ("Enter", "View in browser, or open the session once claimed"),
    ("C", "Claim the selected row"),
    ("V", "View in browser"),
    ("F", "Cycle the priority filter"),
    ("/", "Search"),
    ("Esc", "Clear the search, then close the window"),
    ("Ctrl+Enter", "Hand back, in its dialog"),
    ("Ctrl+Shift+E", "Open the queue from anywhere, if it is on in Settings, General"),
    ("?", "This list"),
)


class Dialog(QDialog):
    """A window-modal dialog with a headline, a body and a foot for buttons."""

    def __init__(self, parent: QWidget | None, name: str, title: str, *, width: int = 440) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle("FlowPilot Escalations")
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        filled(self, "surface")
        self.setFixedWidth(width)
        self.body = column(spacing=8, margins=(24, 20, 24, 20))
        self.title = Prose(title, scale="heading", name=f"{name}Title")
        self.body.addWidget(self.title)
        self.foot = row(spacing=8, margins=(16, 10, 16, 10))
        self.foot.addStretch()
        self._layout = layout = column(self)
        layout.addLayout(self.body, 1)
        layout.addWidget(Hairline())
        layout.addLayout(self.foot)

    def showEvent(self, event: QShowEvent) -> None:
        """As tall as its words in this width (Qt)."""
        super().showEvent(event)
        self.setFixedHeight(self._layout.totalHeightForWidth(self.width()))


class HandBackDialog(Dialog):
    """Asks why; `reasoned` carries the reason, at least 5 characters."""

    reasoned = Signal(str)

    def __init__(self, parent: QWidget | None, shown: RowView) -> None:
        super().__init__(parent, "handBackDialog", f"Hand back {shown.title}?")
        who = first_name(shown.from_name)
        self.body.addWidget(Prose(f"It goes back to the queue at its place; {who} is told.", tone="2"))
        self.body.addSpacing(4)
        self.body.addWidget(label("Why?", scale="strong"))
        self.reason = QPlainTextEdit()
        self.reason.setObjectName("handBackReason")
        self.reason.setAccessibleName("Why you hand it back")
        self.reason.setProperty("field", "true")
        self.reason.setTabChangesFocus(True)
        self.reason.setFixedHeight(76)
        self.body.addWidget(self.reason)
        self.error = label("", scale="caption", tone="danger", name="handBackError")
        self.body.addWidget(self.error)
        self.cancel_button = Button("Cancel", name="handBackCancel")
        self.submit_button = Button("Hand back", name="handBackSubmit", variant="primary")
        self.cancel_button.clicked.connect(self.reject)
        self.submit_button.clicked.connect(self.submit)
        self.foot.addWidget(self.cancel_button)
        self.foot.addWidget(self.submit_button)
        self.reason.setFocus()

    def submit(self) -> None:
        """Take the reason, or say what is missing."""
        reason = " ".join(self.reason.toPlainText().split())
        if not _SHORTEST <= len(reason) <= _LONGEST:
            short = len(reason) < _SHORTEST
            limit = f"at least {_SHORTEST}" if short else f"at most {_LONGEST}"
            self.error.setText(f"Say why you hand it back, {limit} characters.")
            self.reason.setFocus()
            return
        self.accept()
        self.reasoned.emit(reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key went down (Qt)."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submit()
            return
        super().keyPressEvent(event)


class ClaimDialog(Dialog):
    """Asks before *Claim next* claims; `accepted` means yes."""

    def __init__(self, shown: RowView, parent: QWidget | None = None) -> None:
        customer = f" for {shown.customer}" if shown.customer else ""
        super().__init__(parent, "claimNextDialog", f"Claim {shown.title}{customer}?")
        self.body.addWidget(Prose(f"From {shown.from_name}. The session opens in your browser.", tone="2"))
        self.cancel_button = Button("Cancel", name="claimNextCancel")
        self.claim_button = Button("Claim", name="claimNextConfirm", variant="primary")
        self.cancel_button.clicked.connect(self.reject)
        self.claim_button.clicked.connect(self.accept)
        self.claim_button.setDefault(True)
        self.foot.addWidget(self.cancel_button)
        self.foot.addWidget(self.claim_button)
        self.claim_button.setFocus()


class QuitDialog(Dialog):
    """Asks before somebody who is on call quits; `accepted` means yes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, "quitDialog", "Quit FlowPilot?")
        said = "You will not be notified on this computer until you start it again."
        self.body.addWidget(Prose(said, tone="2", name="quitText"))
        self.cancel_button = Button("Cancel", name="quitCancel")
        self.quit_button = Button("Quit", name="quitConfirm", variant="primary")
        self.cancel_button.clicked.connect(self.reject)
        self.quit_button.clicked.connect(self.accept)
        self.foot.addWidget(self.cancel_button)
        self.foot.addWidget(self.quit_button)
        self.cancel_button.setFocus()


class KeysDialog(Dialog):
    """The keyboard at a glance; with `letters` off it says so of the keys that do nothing."""

    def __init__(self, parent: QWidget | None, *, letters: bool = True) -> None:
        super().__init__(parent, "keysDialog", "Keyboard")
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for place, (key, words) in enumerate(KEYS):
            grid.addWidget(label(key, scale="strong"), place, 0)
            grid.addWidget(Prose(words, tone="2"), place, 1)
        self.body.addSpacing(4)
        self.body.addLayout(grid)
        if not letters:
            self.body.addSpacing(4)
            off = "Single-letter keys are off. They are under Settings, General."
            self.body.addWidget(Prose(off, tone="2", name="keysOff"))
        close = Button("Close", name="keysClose")
        close.clicked.connect(self.accept)
        self.foot.addWidget(close)
        close.setFocus()
