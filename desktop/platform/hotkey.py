"""One key combination that opens the queue from anywhere, where the desktop lets a program have one.

X11 does: the combination is grabbed on the root window, over a connection of our own. Wayland gives no program other
windows' keys; there the desktop's own keyboard settings can start `flowpilot-tray`, which raises the window.
"""

import ctypes
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QObject, QSocketNotifier, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence

_LOG: Final = logging.getLogger(__name__)
BY_DESKTOP: Final = (
    "This desktop gives programs no global keys. Its keyboard settings can start flowpilot-tray instead."
)
NOT_HERE: Final = "This version has no global shortcut on this system."
UNCLEAR: Final = "That is no shortcut. Write it as Ctrl+Shift+E."
_SHIFT, _LOCK, _CONTROL, _MOD1, _MOD2, _MOD4 = 1, 2, 4, 8, 16, 64
_MASKS: Final = (
    (Qt.KeyboardModifier.ShiftModifier, _SHIFT),
    (Qt.KeyboardModifier.ControlModifier, _CONTROL),
    (Qt.KeyboardModifier.AltModifier, _MOD1),
    (Qt.KeyboardModifier.MetaModifier, _MOD4),
)
# Caps Lock and Num Lock are modifiers to X: each combination is grabbed with and without them.
_LOCKS: Final = (0, _LOCK, _MOD2, _LOCK | _MOD2)
_KEY_PRESS: Final = 2
_GRAB_ASYNC: Final = 1
_EVENT_BYTES: Final = 192


@dataclass(frozen=True, slots=True)
class Combination:
    """An X key name and its modifier mask."""

    key: str
    mask: int


def combination(text: str) -> Combination | None:
    """From `Ctrl+Shift+E`; null for what is none, or would take a plain letter from every program."""
    keys = QKeySequence.fromString(text, QKeySequence.SequenceFormat.PortableText)
    if keys.count() != 1:
        return None
    pressed = keys[0]  # type: ignore[index] # it is; the stubs leave it out
    mask = sum(bit for modifier, bit in _MASKS if pressed.keyboardModifiers() & modifier)
    name = QKeySequence(pressed.key()).toString(QKeySequence.SequenceFormat.PortableText)
    known = len(name) == 1 and name.isalnum()
    if known and mask & ~_SHIFT:
        return Combination(name.lower(), mask)
    function = name.startswith("F") and name[1:].isdecimal()
    return Combination(name, mask) if function else None


def why_not() -> str:
    """Why there is none on this desktop; empty when there is."""
    if sys.platform != "linux":
        return NOT_HERE
    return "" if QGuiApplication.platformName() == "xcb" and _x11() is not None else BY_DESKTOP


class Hotkey(QObject):
    """Calls `pressed` at the combination last given to `use`."""

    def __init__(self, pressed: Callable[[], None]) -> None:
        super().__init__()
        self._pressed = pressed
        self._x: Any = None
        self._display: Any = None
        self._notifier: QSocketNotifier | None = None
        self.trouble = ""

    def use(self, text: str) -> bool:
        """Grab it, or nothing for an empty text; whether that is so. `trouble` says why not."""
        self.close()
        self.trouble = ""
        if not text:
            return True
        wanted = combination(text)
        if wanted is None:
            self.trouble = UNCLEAR
        elif reason := why_not():
            self.trouble = reason
        elif not self._grab(wanted):
            self.trouble = f"{text} is taken by another program."
            self.close()
        if self.trouble:
            _LOG.info("no global shortcut: %s", self.trouble)
        return not self.trouble

    def close(self) -> None:
        """Give it back."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        if self._display:
            self._x.XCloseDisplay(self._display)
            self._display = None

    def _grab(self, wanted: Combination) -> bool:
        self._x = x = _x11()
        self._display = display = x.XOpenDisplay(None)
        if not display:
            return False
        code = x.XKeysymToKeycode(display, x.XStringToKeysym(wanted.key.encode()))
        root = x.XDefaultRootWindow(display)
        refused: list[int] = []

        def on_error(_display: object, _error: object) -> int:
            refused.append(1)
            return 0

        # Without a handler of ours the library would end the process at a refused grab.
        handler = _HANDLER(on_error)
        former = x.XSetErrorHandler(handler)
        for lock in _LOCKS:
            x.XGrabKey(display, code, wanted.mask | lock, root, 0, _GRAB_ASYNC, _GRAB_ASYNC)
        x.XSync(display, 0)
        x.XSetErrorHandler(ctypes.cast(former, _HANDLER))
        self._notifier = QSocketNotifier(x.XConnectionNumber(display), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)
        return bool(code) and not refused

    def _read(self) -> None:
        event = ctypes.create_string_buffer(_EVENT_BYTES)
        while self._display and self._x.XPending(self._display):
            self._x.XNextEvent(self._display, event)
            if ctypes.c_int.from_buffer(event).value == _KEY_PRESS:
                self._pressed()


_HANDLER: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def _x11() -> Any:
    try:
        x = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x.XStringToKeysym.restype = ctypes.c_ulong
    x.XStringToKeysym.argtypes = [ctypes.c_char_p]
    x.XKeysymToKeycode.restype = ctypes.c_ubyte
    x.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
    x.XDefaultRootWindow.restype = ctypes.c_ulong
    x.XDefaultRootWindow.argtypes = [ctypes.c_void_p]
    x.XSetErrorHandler.restype = ctypes.c_void_p
    x.XSetErrorHandler.argtypes = [_HANDLER]
    x.XGrabKey.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_ulong, *[ctypes.c_int] * 3]
    x.XSync.argtypes = [ctypes.c_void_p, ctypes.c_int]
    for name in ("XConnectionNumber", "XPending", "XCloseDisplay"):
        getattr(x, name).argtypes = [ctypes.c_void_p]
    x.XNextEvent.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return x
