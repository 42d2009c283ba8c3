r"""Windows: what a former removal has left to the next restart must not take the files of a new installation.

What somebody holds open while the program is removed cannot be deleted; the system is told to delete it when it starts
next (https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-movefileexw). Who installs again before that puts
a file of the same name there, and the restart would take that one: so the installers ask this program to take the order
back.
"""

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, Final

_KEY: Final = r"System\CurrentControlSet\Control\Session Manager"
_ORDERS: Final = "PendingFileRenameOperations"
_NATIVE: Final = "\\??\\"


def without(orders: Sequence[str], folder: PureWindowsPath) -> list[str]:
    """The orders less those to delete `folder` or what lies in it.

    `orders` are pairs, as the system keeps them: a path and its new one, which is empty for a deletion. One that makes
    way for a file that takes its place in the same restart stays.
    """
    pairs = list(zip(orders[::2], orders[1::2], strict=False))
    taken = {_plain(new) for _old, new in pairs if new}

    def stays(old: str, new: str) -> bool:
        return bool(new) or _plain(old) in taken or not _plain(old).is_relative_to(folder)

    return [word for pair in pairs if stays(*pair) for word in pair]


def _plain(path: str) -> PureWindowsPath:
    r"""Without the prefixes of the system's own names; a new one begins with `!` where it may replace a file."""
    return PureWindowsPath(path.removeprefix("!").removeprefix(_NATIVE))


def keep(folder: Path) -> None:
    """Take back every order to delete what lies in `folder`. Raises `OSError` where the registry is closed."""
    import winreg  # noqa: PLC0415 - Windows only

    api: Any = winreg
    try:
        with api.OpenKey(api.HKEY_LOCAL_MACHINE, _KEY) as opened:
            orders, kind = api.QueryValueEx(opened, _ORDERS)
    except FileNotFoundError:
        return
    left = without(orders, PureWindowsPath(folder))
    if left == orders:
        return
    with api.OpenKey(api.HKEY_LOCAL_MACHINE, _KEY, 0, api.KEY_SET_VALUE) as opened:
        if left:
            api.SetValueEx(opened, _ORDERS, 0, kind, left)
        else:
            api.DeleteValue(opened, _ORDERS)
