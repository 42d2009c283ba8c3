"""The parts of a hand-off below its head, in the order used everywhere: need, steps, facts, talk, timeline."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QGridLayout, QWidget

from backend.contract.handoffs import EscalationPackage, Handoff, TimelineEntry
from backend.contract.sessions import Fact, Message, Step
from backend.contract.vocabulary import OUTCOME_LABEL
from desktop.ui.badges import OutcomeLabel
from desktop.ui.fonts import font
from desktop.ui.glyphs import GLYPH
from desktop.ui.link import LinkButton
from desktop.ui.panel import Hairline, clear, column, row
from desktop.ui.text import Elided, Prose, Tone, label
from desktop.ui.times import clock_text
from desktop.ui.words import first_name, timeline_sentence

_TALK = 3
_TOP = Qt.AlignmentFlag.AlignTop


class Section(QWidget):
    """A heading with an optional count, and a body that is rebuilt only when what it shows has changed."""

    def __init__(self, name: str, heading: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(heading)
        self.shown: object = None
        self.heading = label(heading, scale="strong")
        self._count = label(scale="body", tone="3", tabular=True)
        head = row(spacing=4)
        head.addWidget(self.heading)
        head.addWidget(self._count)
        head.addStretch()
        self.body = column(spacing=0)
        layout = column(self, spacing=6, margins=(0, 0, 0, 18))
        layout.addLayout(head)
        layout.addLayout(self.body)

    def fresh(self, shown: object) -> bool:
        """Whether there is something else to show; if so, the body has been emptied for it."""
        if shown == self.shown:
            return False
        self.shown = shown
        clear(self.body)
        return True

    def set_count(self, count: int | None) -> None:
        """The figure beside the heading."""
        self._count.setText("" if count is None else str(count))


class NeedSection(Section):
    """What the technician needs, why, and what it costs the customer."""

    def __init__(self) -> None:
        super().__init__("needSection", "What is needed")

    def show_need(self, handoff: Handoff, now: datetime) -> None:
        """Show need (strong), reason, impact; what is missing is left out."""
        package = handoff.escalation_package
        if not self.fresh((handoff.handed_off_by.name, package.need, package.reason, package.impact, now.date())):
            return
        heading = f"What {first_name(handoff.handed_off_by.name)} needs"
        self.heading.setText(heading)
        self.setAccessibleName(heading)
        if package.need:
            self.body.addWidget(Prose(package.need, scale="strong", name="needText"))
            self.body.addSpacing(6)
        pairs = [("Reason", package.reason), ("Impact", package.impact or "")]
        self.body.addLayout(pair_grid([pair for pair in pairs if pair[1]], label_width=46))


class StepsSection(Section):
    """Steps tried, with what came of each."""

    def __init__(self) -> None:
        super().__init__("stepsSection", "Steps tried")

    def show_steps(self, steps: Sequence[Step], now: datetime) -> None:
        """Show every step, oldest first."""
        if not self.fresh((tuple(steps), now.date())):
            return
        self.set_count(len(steps))
        if not steps:
            self.body.addWidget(label("No steps were recorded.", tone="3"))
        for place, step in enumerate(steps):
            if place:
                self.body.addWidget(Hairline())
            self.body.addWidget(self._step(step, now))

    @staticmethod
    def _step(step: Step, now: datetime) -> QWidget:
        line = QWidget()
        layout = row(line, spacing=10, margins=(0, 6, 0, 6))
        outcome = QWidget()
        outcome.setFixedWidth(outcome_width())
        left = row(outcome)
        left.addWidget(OutcomeLabel(step.outcome))
        left.addStretch()
        layout.addWidget(outcome, 0, _TOP)
        words = column(spacing=2)
        words.addWidget(Prose(step.action))
        if step.detail:
            words.addWidget(Prose(step.detail, tone="2"))
        layout.addLayout(words, 1)
        layout.addWidget(label(clock_text(step.created_at, now), scale="caption", tone="3", tabular=True), 0, _TOP)
        return line


class FactsSection(Section):
    """Facts gathered, as pairs."""

    def __init__(self) -> None:
        super().__init__("factsSection", "Facts")

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show every fact, in the order gathered."""
        if not self.fresh(tuple(facts)):
            return
        self.set_count(len(facts))
        if not facts:
            self.body.addWidget(label("No facts were gathered.", tone="3"))
        self.body.addLayout(pair_grid([(fact.label, fact.value) for fact in facts], label_width=144))


class ExcerptSection(Section):
    """The conversation: the last three messages until all are asked for."""

    def __init__(self) -> None:
        super().__init__("excerptSection", "Conversation")
        self._all = False
        self._package: EscalationPackage | None = None
        self._now: datetime | None = None

    def show_talk(self, package: EscalationPackage, now: datetime, *, fold: bool) -> None:
        """Show the end of the conversation; `fold` when another hand-off is shown."""
        if fold:
            self._all = False
        self._package, self._now = package, now
        self._rebuild()

    def _rebuild(self) -> None:
        if self._package is None or self._now is None:
            return
        snapshot = self._package.snapshot
        messages = snapshot.messages if self._all else snapshot.messages[-_TALK:]
        if not self.fresh((tuple(messages), snapshot.message_count, self._now.date())):
            return
        total = max(snapshot.message_count, len(snapshot.messages))
        partial = len(messages) < total
        self.heading.setText(f"Conversation, last {len(messages)} of {total}" if partial else "Conversation")
        self.set_count(None if partial else total)
        if not messages:
            self.body.addWidget(label("Nothing was said yet.", tone="3"))
        for place, message in enumerate(messages):
            if place:
                self.body.addWidget(Hairline())
            self.body.addWidget(self._message(message, self._now))
        if len(messages) < len(snapshot.messages):
            button = LinkButton("showAllButton", "Show all")
            button.setAccessibleName("Show the whole conversation")
            button.clicked.connect(self._show_all)
            self.body.addSpacing(4)
            self.body.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)

    def _show_all(self) -> None:
        self._all = True
        self._rebuild()

    @staticmethod
    def _message(message: Message, now: datetime) -> QWidget:
        block = QWidget()
        layout = column(block, spacing=2, margins=(0, 6, 0, 6))
        who = message.author.name if message.author else "FlowPilot" if message.author_kind == "assistant" else "System"
        head = row(spacing=8)
        head.addWidget(Elided(who, scale="caption_strong"), 1)
        head.addWidget(label(clock_text(message.created_at, now), scale="caption", tone="3", tabular=True))
        layout.addLayout(head)
        layout.addWidget(Prose(message.content, tone="2"))
        return block


class TimelineSection(Section):
    """Everything that happened to the hand-off, to the second."""

    def __init__(self) -> None:
        super().__init__("timelineSection", "Timeline")

    def show_timeline(self, entries: Sequence[TimelineEntry], now: datetime) -> None:
        """Show every entry, oldest first."""
        if not self.fresh((tuple(entries), now.date())):
            return
        pairs = [(clock_text(entry.at, now, seconds=True), timeline_sentence(entry)) for entry in entries]
        self.body.addLayout(pair_grid(pairs, label_width=56, tone="2"))


def outcome_width() -> int:
    """The width in px of the outcome column: 128, or the longest outcome in a wide font."""
    metrics = QFontMetrics(font("caption_strong"))
    return max(128, GLYPH + 8 + max(metrics.horizontalAdvance(words) for words in OUTCOME_LABEL.values()))


def pair_grid(pairs: Sequence[tuple[str, str]], *, label_width: int, tone: Tone = "1") -> QGridLayout:
    """Label and value per line; labels share one width, long labels wrap, values take the rest."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(0, label_width)
    grid.setColumnStretch(1, 1)
    for place, (name, value) in enumerate(pairs):
        left = label(" ".join(name.split()), tone="3", tabular=True)
        left.setWordWrap(len(name) > 20)
        left.setMaximumWidth(180)
        grid.addWidget(left, place, 0, _TOP)
        grid.addWidget(Prose(value, tone=tone), place, 1, _TOP)
    return grid
