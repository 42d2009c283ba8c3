"""The fallback toast: what it says, that it never steals the keyboard, who is shown first."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop.core.views import ToastView
from desktop.ui.buttons import Button
from desktop.ui.toast_card import ToastCard
from desktop.ui.toast_window import ToastStack, corner_in, place_for
from tests.support import toast_samples as samples

pytestmark = pytest.mark.usefixtures("themed")
VIEWS = dict(samples.toasts())
NEW = VIEWS["new"]


@pytest.fixture
def stack() -> Iterator[ToastStack]:
    made = ToastStack()
    yield made
    if (card := made.card()) is not None:
        card.hide()
        card.deleteLater()


def card(stack: ToastStack) -> ToastCard:
    found = stack.card()
    assert found is not None
    return found


def press(stack: ToastStack, name: str) -> None:
    button = next(each for each in card(stack).findChildren(QPushButton, name) if each.isVisible())
    button.click()


def toast(toast_id: str, *, priority: str = "normal") -> ToastView:
    return replace(NEW, id=toast_id, priority=priority, urgent=priority == "urgent")  # type: ignore[arg-type]  # literal


@pytest.mark.parametrize("name", VIEWS)
def test_every_variant_says_its_words_at_372_pixels(stack: ToastStack, name: str) -> None:
    view = VIEWS[name]
    stack.show_toast(view)
    shown = card(stack)
    assert shown.width() == 372
    assert shown.property("escalationId") == view.id
    assert shown.property("variant") == view.variant
    assert shown.title.text() == view.title
    assert shown.body.text() == view.body
    assert shown.body.height() >= shown.body.heightForWidth(shown.body.width())
    buttons = [each.words() for each in shown.findChildren(Button) if each.isVisible()]
    assert buttons == [words for _action, words in view.buttons]


def test_the_claim_button_says_what_it_claims(stack: ToastStack) -> None:
    stack.show_toast(NEW)
    button = card(stack).findChild(QPushButton, "toastClaimButton")
    assert isinstance(button, QPushButton)
    assert button.accessibleName() == "Claim VPN to Leeds clinic drops every hour, Harlow Dental Group"


def test_a_toast_never_takes_the_keyboard(stack: ToastStack, qtbot: QtBot) -> None:
    field = QLineEdit()
    qtbot.addWidget(field)
    field.show()
    field.setFocus()
    stack.show_toast(NEW)
    shown = card(stack)
    assert shown.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    assert shown.windowFlags() & Qt.WindowType.FramelessWindowHint
    assert not any(button.hasFocus() for button in shown.findChildren(QPushButton))


def test_claim_is_told_once_and_the_toast_waits_for_its_outcome(stack: ToastStack) -> None:
    spy = QSignalSpy(stack.pressed)
    stack.show_toast(NEW)
    press(stack, "toastClaimButton")
    press(stack, "toastClaimButton")
    assert spy.count() == 1
    assert spy.at(0) == ["h2", "claim"]
    assert stack.visible is not None
    stack.show_toast(VIEWS["claimed"])
    assert stack.visible == VIEWS["claimed"]
    assert card(stack)._foot_box.isVisible()


@pytest.mark.parametrize("name", ["toastViewButton"])
def test_other_presses_close_it(stack: ToastStack, name: str) -> None:
    pressed, closed = QSignalSpy(stack.pressed), QSignalSpy(stack.closed)
    stack.show_toast(NEW)
    press(stack, name)
    assert stack.visible is None
    assert pressed.at(0) == ["h2", "view"]
    assert closed.count() == 0


def test_escape_and_the_cross_close_it(stack: ToastStack) -> None:
    spy = QSignalSpy(stack.closed)
    stack.show_toast(NEW)
    QTest.keyClick(card(stack), Qt.Key.Key_Escape)
    assert stack.visible is None
    stack.show_toast(NEW)
    press(stack, "toastCloseButton")
    assert stack.visible is None
    assert spy.count() == 2


def test_it_leaves_by_itself_when_its_time_is_over(stack: ToastStack, qtbot: QtBot) -> None:
    stack.show_toast(replace(NEW, stays_s=0.05))
    with qtbot.waitSignal(stack.closed, timeout=20_000) as told:
        pass
    assert told.args == ["h2"]
    stack.show_toast(VIEWS["urgent"])
    assert card(stack).remaining_ms() == -1


def test_claimed_elsewhere_takes_it_away_silently(stack: ToastStack) -> None:
    spy = QSignalSpy(stack.closed)
    stack.show_toast(toast("a"))
    stack.show_toast(toast("b"))
    stack.withdraw("b")
    stack.withdraw("nobody knows this one")
    stack.withdraw("a")
    assert stack.visible is None
    assert spy.count() == 0


def test_one_is_visible_and_the_others_wait_by_rank(stack: ToastStack, qtbot: QtBot) -> None:
    with qtbot.waitSignal(stack.shown, timeout=20_000) as told:
        stack.show_toast(toast("a"))
        assert stack.visible is not None
    assert told.args == ["a"], "said once it is drawn, not when it was asked for"
    stack.show_toast(toast("low", priority="low"))
    stack.show_toast(toast("high", priority="high"))
    assert [each.id for each in stack.waiting] == ["high", "low"]
    with qtbot.waitSignal(stack.shown, timeout=20_000) as told:
        stack.withdraw("a")
        assert stack.visible.id == "high"
    assert told.args == ["high"]


def test_each_view_in_its_place_is_said_to_be_drawn_once(stack: ToastStack, qtbot: QtBot) -> None:
    spy = QSignalSpy(stack.shown)
    for times in (1, 2):
        with qtbot.waitSignal(stack.shown, timeout=20_000):
            stack.show_toast(NEW)
        card(stack).repaint()
        qtbot.wait(20)
        assert spy.count() == times


def test_a_window_that_the_screen_never_draws_is_said_to_have_failed(
    stack: ToastStack, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.show_toast(NEW)
    card(stack)
    shown = QSignalSpy(stack.shown)
    monkeypatch.setattr(ToastCard, "paintEvent", lambda *_: None)
    monkeypatch.setattr(stack._undrawn, "start", lambda: type(stack._undrawn).start(stack._undrawn, 10))
    with qtbot.waitSignal(stack.failed, timeout=20_000) as told:
        stack.show_toast(NEW)
    assert told.args == ["h2"]
    assert shown.count() == 0


def test_a_digest_that_is_drawn_has_shown_all_that_it_speaks_of(stack: ToastStack, qtbot: QtBot) -> None:
    stack.show_toast(toast("a"))
    for number in range(3):
        stack.show_toast(toast(f"w{number}"))
    seen: list[str] = []
    stack.shown.connect(seen.append)
    card(stack).close_button.click()
    qtbot.waitUntil(lambda: seen == ["w0", "w1", "w2"], timeout=20_000)


def test_the_nudge_offers_one_look_and_no_claim(stack: ToastStack) -> None:
    pressed = QSignalSpy(stack.pressed)
    stack.show_toast(VIEWS["nudge"])
    assert [each.objectName() for each in card(stack).findChildren(Button) if each.isVisible()] == ["toastViewButton"]
    press(stack, "toastViewButton")
    assert pressed.at(0) == ["h2", "open_session"]


def test_an_urgent_one_does_not_wait_behind_a_lesser_one(stack: ToastStack) -> None:
    stack.show_toast(toast("a"))
    stack.show_toast(toast("u", priority="urgent"))
    assert stack.visible is not None
    assert stack.visible.id == "u"
    assert [each.id for each in stack.waiting] == ["a"]


def test_more_than_two_waiting_become_one_digest(stack: ToastStack) -> None:
    stack.show_toast(toast("a"))
    for number in range(3):
        stack.show_toast(replace(toast(f"w{number}"), customer=f"Customer {number}"))
    card(stack).close_button.click()
    assert stack.visible is not None
    assert stack.visible.title == "3 waiting"
    assert stack.visible.body == "Customer 0, Customer 1, Customer 2."
    stack.withdraw("w1")
    assert stack.visible is not None
    assert stack.visible.body == "Customer 0, Customer 2."
    stack.withdraw("w0")
    stack.withdraw("w2")
    assert stack.visible is None


@pytest.mark.parametrize(
    ("platform", "desktop", "at"),
    [
        ("win32", "", QPoint(1000 - 372 - 16, 700 - 150 - 16)),
        ("linux", "KDE", QPoint(1000 - 372 - 16, 700 - 150 - 16)),
        ("linux", "ubuntu:GNOME", QPoint((1000 - 372) // 2, 16)),
        ("darwin", "", QPoint(1000 - 372 - 16, 16)),
    ],
)
def test_it_stands_where_the_desktop_puts_its_own(platform: str, desktop: str, at: QPoint) -> None:
    assert corner_in(QRect(0, 0, 1000, 700), 150, place_for(platform, desktop)) == at


def test_long_titles_end_in_an_ellipsis_within_two_lines(stack: ToastStack) -> None:
    stack.show_toast(VIEWS["long"])
    shown = card(stack)
    lines = shown.body.lines(shown.body.width())
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert shown.height() < 200
