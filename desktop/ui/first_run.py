"""The first run, three steps: sign in, see a notification with one's own eyes, done. Under a minute."""

from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from desktop.settings.store import Store
from desktop.ui.brand import app_icon
from desktop.ui.buttons import Button
from desktop.ui.first_run_help import steps, where_the_icon_is
from desktop.ui.panel import Box, Hairline, IconLabel, column, filled, row
from desktop.ui.settings_bind import Binder
from desktop.ui.settings_parts import Check
from desktop.ui.text import Prose, label
from desktop.ui.theme import ink, plain, tokens

STEPS: Final = 3
SIGN_IN, LOOK, FINISH = range(STEPS)


class Progress(QWidget):
    """Three bars, those done and the one at hand filled."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(4)
        self._step = 0

    def show_step(self, step: int) -> None:
        """From 0."""
        self._step = step
        self.setAccessibleName(f"Step {step + 1} of {STEPS}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width = (self.width() - (STEPS - 1) * 6) / STEPS
        for place in range(STEPS):
            done = place <= self._step
            if plain():
                painter.setBrush(ink(self, "text") if done else Qt.BrushStyle.NoBrush)
                painter.setPen(ink(self, "text"))
            else:
                painter.setBrush(QColor(tokens().accent if done else tokens().border))
            painter.drawRoundedRect(QRectF(place * (width + 6), 0, width, 4), 2, 2)


class FirstRunWindow(QWidget):
    """460 by 480. `look_requested` sends the test notification; its fate comes by `show_result`."""

    look_requested = Signal()
    sign_in_requested = Signal()
    autostart_requested = Signal(bool)
    finished = Signal()

    def __init__(self, store: Store, system: str, *, tray: bool, autostart: bool) -> None:
        super().__init__()
        self.setObjectName("firstRunWindow")
        self.setWindowTitle("Set up")
        self.setWindowIcon(app_icon())
        filled(self, "surface")
        self.setFixedSize(460, 480)
        self._system, self._tray, self._done = system, tray, False
        self._binder = Binder(store, self)
        self.step = -1
        self._who = ""
        self._progress = Progress()
        self._count = label(scale="caption", tone="3")
        self._title = label(scale="heading")
        self._pages = QStackedWidget()
        self.back = Button("Back", name="firstRunBack", variant="quiet")
        self.skip = Button("Skip this check", name="firstRunSkip")
        self.finish = Button("Finish", name="firstRunFinish", variant="primary")
        self._build(autostart=autostart)
        self.back.clicked.connect(lambda: self.show_step(self.step - 1))
        self.skip.clicked.connect(lambda: self.show_step(FINISH))
        self.finish.clicked.connect(self._finish)

    def show_step(self, step: int) -> None:
        """Turn to a step, from 0."""
        if step == self.step:
            return
        self.step = step
        self._progress.show_step(step)
        self._count.setText(f"Step {step + 1} of {STEPS}")
        titles = ("Sign in", "Check that notifications reach you", "You are ready")
        self._title.setText(titles[step])
        self.setAccessibleName(f"{titles[step]}, step {step + 1} of {STEPS}")
        self._pages.setCurrentIndex(step)
        self.back.setVisible(step > SIGN_IN)
        self.skip.setVisible(step == LOOK)
        self.finish.setVisible(step == FINISH)
        if step == LOOK:
            self._help.hide()
            self.show_result("Sending the notification", "", good=None)
            self.look_requested.emit()
            self.yes.setFocus()
        else:
            (self.finish if step == FINISH else self.go_on).setFocus()

    def show_person(self, words: str) -> None:
        """Who is signed in and where; empty for nobody."""
        self._who = words
        self._person.setText(words or "Nobody is signed in on this computer yet.")
        self.go_on.set_label("Continue" if words else "Sign in")

    def show_result(self, title: str, text: str, *, good: bool | None) -> None:
        """What became of the test notification; null while it is under way."""
        icon, token = {None: ("sync", "text_2"), True: ("check", "text"), False: ("warn", "warning")}[good]
        self._result_icon.set_icon(icon, token)
        self._result_title.setText(title)
        self._result_text.setText(text)
        self._result_text.setVisible(bool(text))
        self.result.setAccessibleName(f"{title}. {text}".strip())

    def _build(self, *, autostart: bool) -> None:
        head = column(spacing=0)
        head.addWidget(self._progress)
        head.addSpacing(14)
        head.addWidget(self._count)
        head.addSpacing(2)
        head.addWidget(self._title)
        for page in (self._sign_in_page(), self._look_page(), self._finish_page(autostart=autostart)):
            filled(page, "surface")
            self._pages.addWidget(page)
        body = column(spacing=14, margins=(24, 24, 24, 24))
        body.addLayout(head)
        body.addWidget(self._pages, 1)
        foot = row(spacing=8, margins=(16, 0, 16, 0))
        foot.addWidget(self.back)
        foot.addStretch()
        foot.addWidget(self.skip)
        foot.addWidget(self.finish)
        bar = QWidget()
        bar.setFixedHeight(52)
        bar.setLayout(foot)
        layout = column(self)
        layout.addLayout(body, 1)
        layout.addWidget(Hairline())
        layout.addWidget(bar)

    def _sign_in_page(self) -> QWidget:
        page, body = _page("Your browser opens to sign in. This window continues by itself afterwards.")
        self._person = Prose(name="firstRunPerson")
        self.go_on = Button("Sign in", name="firstRunSignIn", variant="primary")
        self.go_on.clicked.connect(self._on)
        line = row()
        line.addWidget(self.go_on)
        line.addStretch()
        body.addWidget(self._person)
        body.addLayout(line)
        body.addStretch()
        return page

    def _look_page(self) -> QWidget:
        page, body = _page("We sent a test notification just now. Did it appear?")
        self.result = Box(border="border")
        self._result_icon = IconLabel("sync", "text_2", 16)
        self._result_title = Prose(scale="strong")
        self._result_text = Prose(tone="2")
        words = column()
        words.addWidget(self._result_title)
        words.addWidget(self._result_text)
        line = row(self.result, spacing=10, margins=(12, 10, 12, 10))
        line.addWidget(self._result_icon, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(words, 1)
        self.yes = Button("Yes, it appeared", name="firstRunYes", variant="primary")
        self.no = Button("No, show me what to check", name="firstRunNo")
        self.yes.clicked.connect(lambda: self.show_step(FINISH))
        self.no.clicked.connect(self._show_help)
        buttons = row(spacing=8)
        buttons.addWidget(self.yes)
        buttons.addWidget(self.no)
        buttons.addStretch()
        body.addWidget(self.result)
        body.addLayout(buttons)
        body.addWidget(self._help_part())
        body.addStretch()
        return page

    def _help_part(self) -> QWidget:
        self._help = QWidget()
        self._help.setObjectName("firstRunHelp")
        inner = column(self._help, spacing=6)
        for place, words in enumerate(steps(self._system), 1):
            line = row(spacing=6)
            line.addWidget(label(f"{place}.", tone="3"), 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(Prose(words, tone="2"), 1)
            inner.addLayout(line)
        self.again = Button("Send it again", name="firstRunAgain")
        self.again.clicked.connect(self._look_again)
        line = row(margins=(0, 6, 0, 0))
        line.addWidget(self.again)
        line.addStretch()
        inner.addLayout(line)
        self._help.hide()
        return self._help

    def _finish_page(self, *, autostart: bool) -> QWidget:
        page, body = _page(
            "Escalations come as notifications from now on. Claim one with a click, or with C in the queue."
        )
        self.start = Check("firstRunStartAtLogin", "Start when I log in", "Start when I log in")
        self.start.setChecked(autostart)
        words = "Keep running in the tray when the window closes"
        self.keep = self._binder.check(Check("firstRunKeepInTray", words, words), "keep_in_tray")
        self.keep.setVisible(self._tray)
        start = self._binder.store.get("start_at_login")
        self.start.setEnabled(not start.locked)
        self.start.setToolTip(self._binder.lock_words(start))
        boxes = column()
        boxes.addWidget(self.start)
        boxes.addWidget(self.keep)
        body.addLayout(boxes)
        body.addWidget(Hairline())
        body.addWidget(Prose(where_the_icon_is(self._system, tray=self._tray), tone="2", name="firstRunIcon"))
        body.addStretch()
        return page

    def _on(self) -> None:
        if self._who:
            self.show_step(LOOK)
        else:
            self.sign_in_requested.emit()

    def _show_help(self) -> None:
        self._help.show()
        self.again.setFocus()

    def _look_again(self) -> None:
        self.show_result("Sending the notification", "", good=None)
        self.look_requested.emit()

    def _finish(self) -> None:
        self._done = True
        # Only who has seen the box has agreed to it.
        if self.start.isEnabled():
            self.autostart_requested.emit(self.start.isChecked())
        self.finished.emit()
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closed half way it does not come again by itself: nobody is nagged (Qt)."""
        super().closeEvent(event)
        if not self._done:
            self._done = True
            self.finished.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def _page(words: str) -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    body = column(page, spacing=14)
    body.addWidget(Prose(words, tone="2"))
    return page, body
