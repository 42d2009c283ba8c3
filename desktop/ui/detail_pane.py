"""The right side: the selected hand-off from head to timeline, or the reason why it is not there."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QWidget

from backend.contract.handoffs import Handoff
from desktop.core.views import DetailView
from desktop.ui.action_bar import ActionBar
from desktop.ui.assessment_section import AssessmentSection
from desktop.ui.banners import OutcomeBanner
from desktop.ui.detail_head import DetailHead
from desktop.ui.detail_sections import ExcerptSection, FactsSection, NeedSection, StepsSection, TimelineSection
from desktop.ui.message_page import MessagePage
from desktop.ui.panel import column, filled
from desktop.ui.skeleton import PARAGRAPHS, Skeleton


class DetailPane(QWidget):
    """Draws a `DetailView`; `retry` asks to load the hand-off again."""

    retry = Signal()

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.view: DetailView | None = None
        filled(self, "surface")
        self.head = DetailHead()
        self.banner = OutcomeBanner()
        self.need = NeedSection()
        self.assessment = AssessmentSection()
        self.steps = StepsSection()
        self.facts = FactsSection()
        self.excerpt = ExcerptSection()
        self.timeline = TimelineSection()
        self._loading = Skeleton("detailSkeleton", PARAGRAPHS, inset=0, lines=False)
        self.error = MessagePage("contextError", icon="warn")
        self.error.button.set_label("Try again")
        self.error.button.setObjectName("detailRetryButton")
        self.error.second.set_label("Copy details")
        self.error.second.setObjectName("copyDetailsButton")
        self.error.button.clicked.connect(self.retry)
        self.error.second.clicked.connect(self._copy_details)
        self.blank = MessagePage("detailBlank", icon="info")
        self.blank.icon.hide()
        self.area = self._scroll_area()
        self._stack = QStackedWidget()
        for page in (self.blank, self.area, self.error):
            self._stack.addWidget(page)
        self.bar = ActionBar()
        layout = column(self)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.bar)
        self.bar.hide()

    def _scroll_area(self) -> QScrollArea:
        page = QWidget()
        filled(page, "surface")
        inner = column(page, margins=(24, 16, 24, 6))
        inner.addWidget(self.banner)
        self._gap = QWidget()
        self._gap.setFixedHeight(16)
        self._gap.hide()
        inner.addWidget(self._gap)
        inner.addWidget(self.head)
        for section in self._sections():
            inner.addWidget(section)
        inner.addWidget(self._loading)
        inner.addStretch()
        scroll = QScrollArea()
        scroll.setObjectName("detailScroll")
        scroll.setAccessibleName("Hand-off")
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        return scroll

    def _sections(self) -> tuple[QWidget, ...]:
        return (self.need, self.assessment, self.steps, self.facts, self.excerpt, self.timeline)

    def show_blank(self, words: str) -> None:
        """Show no hand-off, but say why in one line (may be empty)."""
        self.view = None
        self.blank.show_message("", words)
        self._stack.setCurrentWidget(self.blank)
        self.bar.hide()

    def show_detail(self, view: DetailView, *, offline: bool) -> None:
        """Show the hand-off; scroll position and selections hold while it is the same one."""
        other = self.view is None or self.view.row.id != view.row.id
        self.view = view
        self.bar.show()
        self.bar.show_actions(view, offline=offline)
        if view.handoff is None and view.error:
            self.error.show_message("The hand-off did not load", view.error)
            self._stack.setCurrentWidget(self.error)
            return
        self.banner.show_outcome(view.banner)
        self._gap.setVisible(view.banner is not None)
        self.head.show_head(view)
        self.tick()
        for section in self._sections():
            section.setVisible(view.handoff is not None)
        self._loading.setVisible(view.handoff is None)
        if view.handoff is None:
            self._loading.begin()
        else:
            self._fill(view.handoff, fold=other)
        if other or view.banner is not None:
            self.area.verticalScrollBar().setValue(0)
        self._stack.setCurrentWidget(self.area)

    def _fill(self, handoff: Handoff, *, fold: bool) -> None:
        now, package = self._now(), handoff.escalation_package
        self.need.show_need(handoff, now)
        self.assessment.show_assessment(package)
        self.steps.show_steps(package.snapshot.steps, now)
        self.facts.show_facts(package.snapshot.facts)
        self.excerpt.show_talk(package, now, fold=fold)
        self.timeline.show_timeline(handoff.timeline, now)

    def tick(self) -> None:
        """Write the waiting time anew."""
        self.head.tick(self._now())

    def state(self) -> str:
        """What stands here: detail, contextError or detailBlank (for tests and diagnostics)."""
        page = self._stack.currentWidget()
        return page.objectName() if page and page is not self.area else "detail"

    def _copy_details(self) -> None:
        if self.view is not None:
            QGuiApplication.clipboard().setText(f"Hand-off {self.view.row.id}: {self.view.error}")
