"""What to check when a notification did not appear, by system."""

from typing import Final

_LINUX: Final = (
    "Do not disturb: open the clock or the notification area of your panel and turn it off.",
    "The service: a minimal desktop needs a notification service, for instance dunst or mako.",
)
_STEPS: Final[dict[str, tuple[str, ...]]] = {
    "gnome": (
        "Settings, Notifications: turn off Do Not Disturb.",
        "In the same place open FlowPilot Escalations and turn on Notifications and Lock Screen Notifications.",
        "The tray icon needs the extension AppIndicator; without it FlowPilot keeps its window.",
    ),
    "kde": (
        "System Settings, Notifications: turn off Do Not Disturb.",
        "In the same place, Application Settings: let FlowPilot Escalations show popups, also in history.",
    ),
    "windows": (
        "Settings, System, Notifications: turn on notifications, and FlowPilot Escalations in the list.",
        "In the same place, Do not disturb: turn it off, or add FlowPilot Escalations to the priority list.",
    ),
    "macos": (
        "System Settings, Notifications, FlowPilot Escalations: allow notifications, style Alerts.",
        "Focus: turn it off, or let FlowPilot Escalations through.",
    ),
}
_ICON: Final[dict[str, str]] = {
    "gnome": "The arrow is at the right of the top bar.",
    "kde": "The arrow is in the panel near the clock; the small triangle there shows hidden icons.",
    "windows": "The arrow is near the clock. If it is hidden, drag it out of the small triangle's list.",
    "macos": "The arrow is at the right of the menu bar.",
}


def system_key(platform: str, desktop: str) -> str:
    """`gnome`, `kde`, `windows`, `macos` or `linux`, from `sys.platform` and XDG_CURRENT_DESKTOP."""
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "macos"
    names = desktop.upper()
    return "gnome" if "GNOME" in names or "UNITY" in names else "kde" if "KDE" in names else "linux"


def steps(key: str) -> tuple[str, ...]:
    """What to check, in order."""
    return _STEPS.get(key, _LINUX)


def where_the_icon_is(key: str, *, tray: bool) -> str:
    """One sentence."""
    if not tray:
        return "This desktop has no tray. FlowPilot keeps its window instead."
    return _ICON.get(key, "The arrow is in the tray of your panel, near the clock.")
