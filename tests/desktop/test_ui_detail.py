"""The right side: the senior reads what was told, whole, selectable, and never as markup."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from backend.contract.sessions import TicketRef
from desktop.core.views import DetailView
from desktop.ui.badges import OutcomeLabel
from desktop.ui.detail_pane import DetailPane
from desktop.ui.text import Prose
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")


@pytest.fixture
def pane(qtbot: QtBot) -> DetailPane:
    shown = DetailPane(lambda: samples.NOW)
    qtbot.addWidget(shown)
    shown.resize(640, 600)
    shown.show()
    return shown


def words(widget: QWidget) -> str:
    texts = [each.toPlainText() for each in widget.findChildren(QTextEdit)]
    return "\n".join([*texts, *(each.text() for each in widget.findChildren(QLabel))])


def show(pane: DetailPane, view: DetailView) -> None:
    pane.show_detail(view, offline=False)


def test_the_assessment_speaks_in_shape_words_and_percent(pane: DetailPane) -> None:
    show(pane, samples.detail())
    meter = pane.assessment.meter
    assert meter.text() == "High confidence, 82 %"
    assert meter.accessibleName() == "High confidence, 82 percent"
    assert meter._filled == 3
    meter.set_confidence(0.74)
    assert (meter.text(), meter._filled) == ("Medium confidence, 74 %", 2)
    meter.set_confidence(0.39)
    assert (meter.text(), meter._filled) == ("Low confidence, 39 %", 1)


def test_a_missing_assessment_is_said_and_nothing_is_estimated(pane: DetailPane) -> None:
    show(pane, samples.without_assessment())
    assert "No AI assessment. Fewer than 2 facts were gathered." in words(pane.assessment)
    assert not pane.assessment.meter.isVisible()
    running = replace(samples.package(assessment=None), assessment_status="pending")
    show(pane, replace(samples.detail(), handoff=samples.handoff(running)))
    assert "Assessment in progress" in words(pane.assessment)


def test_too_few_facts_are_named_as_the_reason_only_where_they_are(pane: DetailPane) -> None:
    show(pane, replace(samples.detail(), handoff=samples.handoff(samples.package(assessment=None))))
    assert "No AI assessment for this hand-off." in words(pane.assessment)


def test_the_last_three_messages_until_all_are_asked_for(pane: DetailPane) -> None:
    show(pane, samples.detail())
    assert pane.excerpt.heading.text() == "Conversation, last 3 of 9"
    assert "Note 1 of the morning." not in words(pane.excerpt)
    button = pane.excerpt.findChild(QPushButton, "showAllButton")
    assert isinstance(button, QPushButton)
    button.click()
    assert pane.excerpt.heading.text() == "Conversation"
    assert "Note 1 of the morning." in words(pane.excerpt)


def test_markup_from_the_server_is_shown_and_never_obeyed(pane: DetailPane) -> None:
    evil = "<b>bold</b><img src='http://x/y.png'>&amp;"
    package = replace(samples.package(), need=evil, reason=evil, impact=evil)
    row = replace(samples.rows()[1], title=evil, customer=evil, from_name=evil)
    show(pane, replace(samples.detail(), row=row, handoff=samples.handoff(package)))
    assert pane.head.title.text() == evil
    assert words(pane.need).count(evil) == 3
    for label in pane.findChildren(QLabel):
        assert label.textFormat().name == "PlainText", label.objectName()


def test_steps_carry_glyph_and_word_for_their_outcome(pane: DetailPane) -> None:
    show(pane, samples.detail())
    found = [label.text() for label in pane.steps.findChildren(OutcomeLabel)]
    assert found == ["Helped for a while", "No change", "No change", "Blocked"]


def test_timeline_says_who_did_what_to_the_second(pane: DetailPane) -> None:
    show(pane, samples.detail())
    told = words(pane.timeline)
    assert "10:42:08" in told
    assert "Escalated by Mina Okafor" in told
    assert "Handed back by Lee Park: Called out to a site, back at noon." in told


def test_an_update_of_the_same_handoff_keeps_what_is_being_read(pane: DetailPane) -> None:
    show(pane, samples.detail())
    bar = pane.area.verticalScrollBar()
    bar.setValue(bar.maximum())
    at = bar.value()
    paragraph = pane.need.findChild(Prose, "needText")
    show(pane, replace(samples.detail(), presence=None))
    assert at > 0
    assert bar.value() == at
    assert pane.need.findChild(Prose, "needText") is paragraph


@pytest.mark.parametrize(
    ("url", "is_link"),
    [("https://psa.example.com/1", True), ("javascript:alert(1)", False), ("file:///etc/passwd", False), (None, False)],
)
def test_only_web_addresses_become_links(pane: DetailPane, url: str | None, is_link: bool) -> None:
    row = replace(samples.rows()[1], ticket=TicketRef(system="connectwise", id="20418", url=url))
    show(pane, replace(samples.detail(), row=row))
    assert pane.head.meta.link.isVisible() == is_link
    assert "Ticket 20418" in pane.head.meta.text()


@pytest.mark.parametrize("width", [432, 640])
def test_long_data_never_overlaps_or_leaves_the_page(pane: DetailPane, width: int) -> None:
    pane.resize(width, 600)
    show(pane, samples.long_detail())
    QApplication.processEvents()
    page = pane.area.widget()
    assert page is not None
    assert page.width() <= pane.area.viewport().width()
    blocks = [*pane.steps.findChildren(Prose), *pane.facts.findChildren(Prose), pane.head.title]
    assert len(blocks) >= 48
    placed: list[QRect] = []
    for block in blocks:
        assert block.heightForWidth(block.width()) <= block.height()  # no line is cut off
        box = QRect(block.mapTo(page, block.rect().topLeft()), block.size())
        assert box.right() <= page.width()
        assert not any(box.intersects(other) for other in placed)
        placed.append(box)


def test_a_paragraph_is_as_tall_as_the_text_edit_lays_it_out(pane: DetailPane) -> None:
    show(pane, samples.long_detail())
    QApplication.processEvents()
    for block in pane.steps.findChildren(Prose):
        assert block.document().size().height() <= block.height() + 1
