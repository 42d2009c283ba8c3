"""The global shortcut: which combinations are one, and what is said where there is none."""

import pytest
from PySide6.QtWidgets import QApplication

from desktop.platform.hotkey import BY_DESKTOP, UNCLEAR, Combination, Hotkey, combination


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ctrl+Shift+E", Combination("e", 5)),
        ("Alt+1", Combination("1", 8)),
        ("Meta+F5", Combination("F5", 64)),
        ("F9", Combination("F9", 0)),
        ("E", None),
        ("Shift+E", None),
        ("Ctrl+E, Ctrl+F", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_only_what_takes_no_plain_letter_from_other_programs(text: str, found: Combination | None) -> None:
    assert combination(text) == found


def test_a_desktop_without_global_keys_is_told_so_and_empty_is_none(qapp: QApplication) -> None:
    assert qapp.platformName() == "offscreen"
    hotkey = Hotkey(lambda: None)
    assert not hotkey.use("Ctrl+Shift+E")
    assert hotkey.trouble == BY_DESKTOP
    assert not hotkey.use("x")
    assert hotkey.trouble == UNCLEAR
    assert hotkey.use("")
    assert hotkey.trouble == ""
