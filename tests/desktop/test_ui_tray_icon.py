"""The tray icon: state is told by shape at every size, and the badge is exact."""

from typing import get_args

import pytest
from PySide6.QtGui import QColor, QImage

from desktop.core.views import TrayState
from desktop.ui.tokens import TRAY_ON_DARK, TRAY_ON_LIGHT, TRAY_SIZES
from desktop.ui.tray_icon import badge_text, tray_icon, tray_pixmap

pytestmark = pytest.mark.usefixtures("themed")
STATES: tuple[TrayState, ...] = get_args(TrayState)


def drawn(
    state: TrayState, size: int, count: int = 3, *, dark: bool = False, mask: bool = False, frame: int = 0
) -> QImage:
    return tray_pixmap(state, count, size, dark=dark, mask=mask, frame=frame).toImage()


def share(image: QImage, colour: str, tolerance: int = 40) -> float:
    """The part of all pixels that are near a colour and opaque."""
    want, hits = QColor(colour), 0
    for y in range(image.height()):
        for x in range(image.width()):
            got = image.pixelColor(x, y)
            near = max(abs(got.red() - want.red()), abs(got.green() - want.green()), abs(got.blue() - want.blue()))
            hits += got.alpha() > 200 and near <= tolerance
    return hits / (image.width() * image.height())


@pytest.mark.parametrize("size", TRAY_SIZES)
def test_every_state_has_a_drawing_of_its_own_at_every_size(size: int) -> None:
    pictures = {state: drawn(state, size) for state in STATES}
    for state, picture in pictures.items():
        assert (picture.width(), picture.height()) == (size, size)
        assert all(picture != other for name, other in pictures.items() if name != state)


@pytest.mark.parametrize("size", TRAY_SIZES)
def test_square_and_round_badges_differ_without_colour(size: int) -> None:
    round_badge, square = drawn("waiting", size, mask=True), drawn("urgent", size, mask=True)
    # Just inside the badge's corner: filled when square, empty when round.
    corner = int(size * (27.2 if size <= 20 else 29.4) / 32)
    assert square.pixelColor(corner, corner).alpha() - round_badge.pixelColor(corner, corner).alpha() > 100


@pytest.mark.parametrize("size", [16, 20])
def test_small_icons_are_all_badge_with_a_digit_of_eleven_pixels_at_sixteen(size: int) -> None:
    picture = drawn("waiting", size)
    assert share(picture, TRAY_ON_LIGHT["ink"]) == 0.0
    assert share(picture, TRAY_ON_LIGHT["badge"]) > 0.3
    rows = [
        y
        for y in range(size)
        if any(
            picture.pixelColor(x, y).lightness() > 140 and picture.pixelColor(x, y).alpha() > 200 for x in range(size)
        )
    ]
    height = rows[-1] - rows[0] + 1
    assert 7 <= height * 16 / size <= 12


@pytest.mark.parametrize(("count", "text"), [(1, "1"), (9, "9"), (10, "9+"), (250, "9+")])
def test_the_badge_counts_to_nine(count: int, text: str) -> None:
    assert badge_text(count) == text


def test_counts_are_told_apart() -> None:
    pictures = [drawn("waiting", 16, count) for count in range(1, 11)]
    assert all(one != other for place, one in enumerate(pictures) for other in pictures[place + 1 :])
    assert drawn("waiting", 16, 10) == drawn("waiting", 16, 99)


def test_do_not_disturb_shows_no_count() -> None:
    assert drawn("dnd", 24, 3) == drawn("dnd", 24, 7)


@pytest.mark.parametrize("size", TRAY_SIZES)
def test_the_icon_reads_on_dark_and_on_light_panels(size: int) -> None:
    assert share(drawn("idle", size), TRAY_ON_LIGHT["ink"]) > 0.1
    assert share(drawn("idle", size, dark=True), TRAY_ON_DARK["ink"]) > 0.1


def test_the_menu_bar_mask_has_one_ink_and_a_cut_out_digit() -> None:
    picture = drawn("urgent", 44, 4, mask=True)
    inks = {
        picture.pixelColor(x, y).rgb() & 0xFFFFFF
        for y in range(44)
        for x in range(44)
        if picture.pixelColor(x, y).alpha() == 255
    }
    assert len(inks) == 1
    middle = picture.pixelColor(round(44 * 22 / 32), round(44 * 22 / 32))
    outer = picture.pixelColor(round(44 * 14 / 32), round(44 * 22 / 32))
    assert outer.alpha() == 255
    assert middle.alpha() < 255 or picture.pixelColor(round(44 * 23 / 32), round(44 * 23 / 32)).alpha() < 255
    assert tray_icon("urgent", 4, dark=False, mask=True).isMask()


def test_reconnecting_moves_between_two_frames() -> None:
    assert drawn("reconnecting", 22, frame=0) != drawn("reconnecting", 22, frame=1)


def test_a_panel_finds_every_size_at_its_own_ratio() -> None:
    icon = tray_icon("waiting", 3, dark=False, ratio=2.0)
    assert {size.width() for size in icon.availableSizes()} >= {32, 48, 96}
