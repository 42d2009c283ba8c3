"""The design's colours and sizes, as far as the desktop draws them.

Every text pair used by the widgets meets 4.5:1 and every border pair 3:1, in light and in dark.
"""

from dataclasses import dataclass
from typing import Final

from backend.contract.vocabulary import Priority


@dataclass(frozen=True, slots=True)
class PriorityTokens:
    """Colours of one priority: `fg` text and glyph, `bg` the pill."""

    fg: str
    bg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One theme. All values are `#RRGGBB`."""

    dark: bool
    canvas: str
    surface: str
    raised: str
    sunken: str
    hover: str
    active: str
    selected: str
    selected_bar: str
    border: str
    border_strong: str
    toast_border: str
    text: str
    text_2: str
    text_3: str
    accent: str
    accent_hover: str
    accent_press: str
    accent_text: str
    accent_bg: str
    on_accent: str
    focus: str
    link: str
    success: str
    success_bg: str
    warning: str
    warning_bg: str
    danger: str
    danger_bg: str
    ai: str
    ai_bg: str
    disabled_text: str
    disabled_bg: str
    priority: dict[Priority, PriorityTokens]


LIGHT: Final = Tokens(
    dark=False,
    canvas="#F4F6F7",
    surface="#FFFFFF",
    raised="#FFFFFF",
    sunken="#EBEEF0",
    hover="#F0F3F4",
    active="#E3E8EB",
    selected="#E3F1F3",
    selected_bar="#0B6B7A",
    border="#DCE1E5",
    border_strong="#7F8A94",
    toast_border="#B9C2C9",
    text="#12181E",
    text_2="#434E58",
    text_3="#5B6670",
    accent="#0B6B7A",
    accent_hover="#095C69",
    accent_press="#074B56",
    accent_text="#0A6472",
    accent_bg="#E3F1F3",
    on_accent="#FFFFFF",
    focus="#0B6B7A",
    link="#0A6472",
    success="#1B6E3C",
    success_bg="#E5F4EA",
    warning="#8A4B00",
    warning_bg="#FDF1DF",
    danger="#B3201F",
    danger_bg="#FDECEB",
    ai="#5A4A9C",
    ai_bg="#F4F2FA",
    disabled_text="#6B757E",
    disabled_bg="#E6EAEC",
    priority={
        "urgent": PriorityTokens("#B3201F", "#FDECEB"),
        "high": PriorityTokens("#8A4B00", "#FDF1DF"),
        "normal": PriorityTokens("#28579F", "#E9F0FB"),
        "low": PriorityTokens("#525D67", "#EBEEF0"),
    },
)

DARK: Final = Tokens(
    dark=True,
    canvas="#0F1317",
    surface="#161B20",
    raised="#1D242A",
    sunken="#0B0E11",
    hover="#1C2329",
    active="#222A31",
    selected="#14303A",
    selected_bar="#4DBBCA",
    border="#2A333B",
    border_strong="#6E7B87",
    toast_border="#39444E",
    text="#E9EDF1",
    text_2="#B7C1CA",
    text_3="#93A0AB",
    accent="#4DBBCA",
    accent_hover="#65C8D5",
    accent_press="#3AA6B5",
    accent_text="#6CCAD7",
    accent_bg="#12303A",
    on_accent="#04191D",
    focus="#7FDBE7",
    link="#6CCAD7",
    success="#6CCB8E",
    success_bg="#12301F",
    warning="#F0B45F",
    warning_bg="#33240F",
    danger="#FF9089",
    danger_bg="#3A1918",
    ai="#B9ABF2",
    ai_bg="#1E1C2B",
    disabled_text="#808C97",
    disabled_bg="#232B32",
    priority={
        "urgent": PriorityTokens("#FF9089", "#3A1918"),
        "high": PriorityTokens("#F0B45F", "#33240F"),
        "normal": PriorityTokens("#93B9F5", "#182539"),
        "low": PriorityTokens("#A9B4BE", "#222A31"),
    },
)

# Tray icons: foreground, badge fill and digit, by panel colour.
TRAY_ON_LIGHT: Final = {"ink": "#1B1B1B", "badge": "#0B6B7A", "urgent": "#B92825", "digit": "#FFFFFF"}
TRAY_ON_DARK: Final = {"ink": "#FFFFFF", "badge": "#4DBBCA", "urgent": "#F0716A", "digit": "#04191D"}
TRAY_SIZES: Final = (16, 20, 22, 24, 32, 36, 44, 48)

CONTROL_HEIGHT: Final = 32
ROW_HEIGHT: Final = 75
LIST_WIDTH: Final = 352
LIST_MIN: Final = 288
LIST_MAX: Final = 440
WINDOW_SIZE: Final = (1000, 660)
WINDOW_MIN: Final = (720, 480)
NARROW_BELOW: Final = 760
TOAST_WIDTH: Final = 372
TOAST_MARGIN: Final = 16
RADIUS: Final = 4
MOTION_BASE_MS: Final = 180
CLAIMING_AFTER_MS: Final = 150
STILL_AFTER_KEY_MS: Final = 500
SKELETON_AFTER_MS: Final = 300
FIRST_LOAD_OFFLINE_MS: Final = 10_000
