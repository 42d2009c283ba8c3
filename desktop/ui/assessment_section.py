"""The AI assessment: cause, confidence, why, what to do next; or in words why there is none."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from backend.contract.handoffs import Assessment, EscalationPackage
from desktop.ui.badges import ConfidenceMeter
from desktop.ui.panel import Box, IconLabel, clear, column, row
from desktop.ui.text import Prose, label
from desktop.ui.words import ASSESSMENT_RUNNING, NO_ASSESSMENT, NO_ASSESSMENT_TOO_LITTLE

_TOP = Qt.AlignmentFlag.AlignTop


def _why_absent(package: EscalationPackage) -> str:
    if package.assessment_status == "pending":
        return ASSESSMENT_RUNNING
    return NO_ASSESSMENT_TOO_LITTLE if len(package.snapshot.facts) < 2 else NO_ASSESSMENT


class AssessmentSection(QWidget):
    """A tinted box. Without an assessment it says so in one line; nothing is estimated."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("assessmentSection")
        self.setAccessibleName("AI assessment")
        self._shown: object = None
        self.meter = ConfidenceMeter()
        box = Box(fill="ai_bg", radius=6)
        head = row(spacing=6)
        head.addWidget(IconLabel("spark", "ai", 14))
        head.addWidget(label("AI assessment", scale="strong", tone="ai"))
        head.addStretch()
        head.addWidget(self.meter)
        self._body = column()
        inner = column(box, spacing=6, margins=(14, 12, 14, 12))
        inner.addLayout(head)
        inner.addLayout(self._body)
        layout = column(self, margins=(0, 0, 0, 18))
        layout.addWidget(box)

    def show_assessment(self, package: EscalationPackage) -> None:
        """Show what the package holds."""
        shown = (package.assessment, package.assessment_status)
        if shown == self._shown:
            return
        self._shown = shown
        clear(self._body)
        assessment = package.assessment
        self.meter.setVisible(assessment is not None)
        if assessment is None:
            self._body.addWidget(Prose(_why_absent(package), tone="2", name="assessmentAbsent"))
            return
        self.meter.set_confidence(assessment.confidence)
        self._fill(assessment)

    def _fill(self, assessment: Assessment) -> None:
        self._body.addWidget(Prose(assessment.likely_cause, scale="strong", name="assessmentCause"))
        if assessment.why:
            self._body.addSpacing(4)
            self._body.addWidget(Prose(assessment.why, tone="2"))
        if not assessment.next_steps:
            return
        self._body.addSpacing(10)
        self._body.addWidget(label("Suggested next", scale="caption_strong", tone="2"))
        for place, step in enumerate(assessment.next_steps, start=1):
            self._body.addSpacing(6)
            line = row()
            number = label(str(place), tone="3", tabular=True)
            number.setMinimumWidth(16 if place < 10 else 24)
            line.addWidget(number, 0, _TOP)
            line.addWidget(Prose(step), 1)
            self._body.addLayout(line)
