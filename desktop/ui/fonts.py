"""The type scale: the system's font at its own size, with offsets; never a named family."""

from typing import Final, Literal

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

Scale = Literal["caption", "caption_strong", "body", "strong", "lead", "heading", "title", "mono"]

_OFFSET: Final[dict[Scale, int]] = {
    "caption": -1,
    "caption_strong": -1,
    "body": 0,
    "strong": 0,
    "lead": 1,
    "heading": 2,
    "title": 4,
    "mono": 0,
}
_STRONG: Final = frozenset({"caption_strong", "strong", "lead", "heading", "title"})


def font(scale: Scale, *, tabular: bool = False) -> QFont:
    """The font of one step of the scale; `tabular` for times and counts, which must not dance while ticking."""
    base = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont) if scale == "mono" else QApplication.font()
    result = QFont(base)
    offset = _OFFSET[scale]
    if offset and result.pointSizeF() > 0:
        result.setPointSizeF(max(6.0, result.pointSizeF() + offset))
    elif offset:
        result.setPixelSize(max(8, result.pixelSize() + round(offset * 4 / 3)))
    if scale in _STRONG:
        result.setWeight(QFont.Weight.DemiBold)
    if tabular:
        result.setFeature(QFont.Tag.fromString("tnum"), 1)
    return result
