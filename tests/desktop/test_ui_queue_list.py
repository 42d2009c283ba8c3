"""The list: spoken rows, plain text, nothing moves under the hand, a thousand rows cost nothing."""

from dataclasses import replace
from datetime import datetime
from time import process_time

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QSignalSpy, QTest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from backend.contract.handoffs import TimelineEntry
from backend.contract.people import Person
from desktop.core.views import RowView
from desktop.ui.queue_delegate import row_height
from desktop.ui.queue_model import QueueModel
from desktop.ui.queue_view import QueueListView
from desktop.ui.times import waiting_text
from desktop.ui.words import narrowed, row_sentence, timeline_sentence
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")


def now() -> datetime:
    return samples.NOW


@pytest.fixture
def view(qtbot: QtBot) -> QueueListView:
    shown = QueueListView(now)
    qtbot.addWidget(shown)
    shown.resize(352, 500)
    shown.show()
    shown.show_rows(samples.rows())
    return shown


def ids(view: QueueListView) -> list[str]:
    return [row.id for row in view.rows.rows()]


@pytest.mark.parametrize(
    ("kind", "who", "detail", "said"),
    [
        ("realerted", None, "Everyone again", "Alerted everyone again"),
        ("realerted", None, "Marcus Hale", "Alerted Marcus Hale"),
        ("exhausted", None, None, "Nobody has claimed yet. Everyone in the policy has been alerted"),
        ("nudged", "Dana Reyes", None, "Dana Reyes was reminded"),
    ],
)
def test_the_timeline_says_what_the_policy_did_and_to_whom(
    kind: str, who: str | None, detail: str | None, said: str
) -> None:
    actor = Person(id="1", name=who) if who else None
    assert timeline_sentence(TimelineEntry(at=samples.NOW, kind=kind, actor=actor, detail=detail)) == said


def test_a_screen_reader_hears_the_whole_row_without_a_ticking_clock() -> None:
    assert row_sentence(samples.rows()[1], samples.NOW) == (
        "High. VPN to Leeds clinic drops every hour. Harlow Dental Group. From Mina Okafor. "
        "Waiting since 10:42. For you."
    )
    gone = replace(samples.rows()[1], outcome="Claimed by Lee Park, 4 s ago", for_you=False)
    assert row_sentence(gone, samples.NOW).endswith("From Mina Okafor. Claimed by Lee Park, 4 s ago.")


def test_the_spoken_sentence_is_in_the_accessible_role(view: QueueListView) -> None:
    spoken = view.rows.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("Urgent. Domain controller down")


def test_markup_in_a_title_is_shown_as_text_even_in_the_tooltip(view: QueueListView) -> None:
    title = "<img src=x> & <b>bold</b>"
    view.show_rows([replace(samples.rows()[0], title=title)])
    document = QTextDocument()
    document.setHtml(view.rows.index(0).data(Qt.ItemDataRole.ToolTipRole))
    assert document.toPlainText() == title


def test_an_update_keeps_the_selection_and_says_nothing(view: QueueListView) -> None:
    view.select("h3")
    spy = QSignalSpy(view.chosen)
    view.show_rows(tuple(row for row in samples.rows() if row.id != "h1"))
    assert view.selected_id() == "h3"
    view.show_rows(tuple(reversed(samples.rows())))
    assert view.selected_id() == "h3"
    assert ids(view) == ["h5", "h4", "h3", "h2", "h1"]
    assert spy.count() == 0


def test_nothing_moves_for_half_a_second_after_a_list_key(view: QueueListView, qtbot: QtBot) -> None:
    view.select("h2")
    QTest.keyClick(view, Qt.Key.Key_Down)
    fresh = replace(samples.rows()[0], id="new")
    changed = replace(samples.rows()[4], outcome="Claimed by Lee Park, 1 s ago", outcome_kind="lost")
    view.show_rows((fresh, *samples.rows()[:4], changed))
    assert ids(view) == ["h1", "h2", "h3", "h4", "h5"]
    assert view.rows.rows()[4].outcome == "Claimed by Lee Park, 1 s ago"  # what does not move is shown at once
    qtbot.waitUntil(lambda: ids(view)[0] == "new", timeout=20_000)
    assert view.selected_id() == "h3"


def test_nothing_moves_while_the_pointer_is_down(view: QueueListView) -> None:
    at = view.visualRect(view.rows.index(1)).center()
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    view.show_rows(samples.rows()[2:])
    assert len(ids(view)) == 5
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert ids(view) == ["h3", "h4", "h5"]


def test_a_click_tells_the_row_once(view: QueueListView) -> None:
    spy = QSignalSpy(view.chosen)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.rows.index(2)).center())
    assert spy.count() == 1
    assert spy.at(0) == ["h3"]


def test_each_second_only_clocks_in_sight_are_repainted(view: QueueListView) -> None:
    view.show_rows([replace(samples.rows()[0], id=f"r{number}") for number in range(200)])
    region = view.clocks_in_sight()
    pieces: list[QRect] = list(iter(region))  # type: ignore[call-overload]  # iterable, the stubs do not know
    visible = -(-view.viewport().height() // row_height())
    assert region.rectCount() == visible
    assert all(piece.width() < 100 and piece.left() > view.viewport().width() // 2 for piece in pieces)


def test_a_thousand_rows_are_cheap(view: QueueListView, qtbot: QtBot) -> None:
    many = [replace(samples.rows()[3], id=f"r{number}", title=f"Problem {number}") for number in range(1000)]
    view.show_rows(many)
    started = process_time()
    for turn in range(20):
        view.show_rows([*many[turn + 1 :], *many[: turn + 1]])
        view.tick()
        view.grab()
    assert (process_time() - started) / 20 < 0.25
    assert view.rows.rowCount() == 1000


def test_the_model_keeps_qts_rules_through_every_kind_of_change(qtmodeltester: ModelTester) -> None:
    model = QueueModel()
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]  # published without types
    rows = samples.rows()
    told: list[tuple[RowView, ...]] = [rows, rows[1:], rows[::-1], (rows[4], rows[0]), (), rows]
    for each in told:
        model.set_rows(each)
        assert model.rows() == each


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0:00"), (59, "0:59"), (252, "4:12"), (3599, "59:59"), (3600, "1 h 00 min"), (90000, "25 h 00 min")],
)
def test_waiting_time_is_written_as_designed(seconds: int, text: str) -> None:
    assert waiting_text(samples.NOW - samples.ago(seconds)) == text


def test_search_looks_at_customer_title_and_ticket() -> None:
    row = samples.rows()[1]
    assert narrowed([row], "harlow vpn", None) == narrowed([row], "20418", None) == [row]
    assert narrowed([row], "kestrel", None) == narrowed([row], "", "low") == []


def test_long_and_right_to_left_names_stay_inside_their_row(view: QueueListView) -> None:
    view.show_rows(samples.long_queue(2).rows)
    assert view.visualRect(view.rows.index(0)).height() == row_height()
    picture = view.grab().toImage()
    right_edge = {picture.pixelColor(QPoint(351, y)).name() for y in range(80, 145)}
    assert len(right_edge) <= 2  # ground and separator: no letter reaches the edge
