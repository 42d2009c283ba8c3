"""Windows: whose sessions are there, which processes run a program, and starting it for a signed-in user.

Thin over the system's own calls (https://learn.microsoft.com/windows/win32/api/wtsapi32), typed as anything: the
libraries exist on Windows alone, and this is checked on other systems too.
"""

import ctypes
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ACTIVE, _DISCONNECTED = 0, 4
_SERVICES, _NO_SESSION = 0, 0xFFFFFFFF
_NO_TOKEN: Final = 1008
_QUERY, _TERMINATE = 0x1000, 0x0001
_UNICODE_ENVIRONMENT: Final = 0x400
_LONGEST_PATH: Final = 32_768
_MOST_PROCESSES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Running:
    """One process and the session it belongs to."""

    process: int
    session: int


class _Session(ctypes.Structure):
    _fields_ = (("number", ctypes.c_uint32), ("station", ctypes.c_wchar_p), ("state", ctypes.c_int))


class _Startup(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("reserved", ctypes.c_wchar_p),
        ("desktop", ctypes.c_wchar_p),
        ("title", ctypes.c_wchar_p),
        ("numbers", ctypes.c_uint32 * 8),
        ("words", ctypes.c_uint16 * 2),
        ("pointers", ctypes.c_void_p * 4),
    )


class _Started(ctypes.Structure):
    _fields_ = (
        ("process", ctypes.c_void_p),
        ("thread", ctypes.c_void_p),
        ("process_id", ctypes.c_uint32),
        ("thread_id", ctypes.c_uint32),
    )


class WindowsSessions:
    """What an installer asks of the system. Not run on Windows here; tried under Wine."""

    def __init__(self) -> None:
        api: Any = ctypes
        self._error: Any = api.get_last_error
        self._kernel: Any = api.WinDLL("kernel32", use_last_error=True)
        self._terminal: Any = api.WinDLL("wtsapi32", use_last_error=True)
        self._user: Any = api.WinDLL("userenv", use_last_error=True)
        self._rights: Any = api.WinDLL("advapi32", use_last_error=True)
        self._kernel.OpenProcess.restype = ctypes.c_void_p

    def signed_in(self) -> list[int]:
        """Numbers of the sessions of people, also of those who have locked or left the screen. Raises `OSError`."""
        found = ctypes.POINTER(_Session)()
        count = ctypes.c_uint32()
        self._check(self._terminal.WTSEnumerateSessionsW(None, 0, 1, ctypes.byref(found), ctypes.byref(count)))
        sessions = (found[place] for place in range(count.value))
        numbers = {one.number for one in sessions if one.state in {_ACTIVE, _DISCONNECTED}}
        self._terminal.WTSFreeMemory(found)
        numbers.add(int(self._kernel.WTSGetActiveConsoleSessionId()) & 0xFFFFFFFF)
        return sorted(numbers - {_SERVICES, _NO_SESSION})

    def running(self, program: Path) -> list[Running]:
        """The processes of this very file. One that may not be asked is passed over. Raises `OSError`."""
        numbers = (ctypes.c_uint32 * _MOST_PROCESSES)()
        got = ctypes.c_uint32()
        self._check(self._kernel.K32EnumProcesses(numbers, ctypes.sizeof(numbers), ctypes.byref(got)))
        found = []
        for process in numbers[: got.value // ctypes.sizeof(ctypes.c_uint32)]:
            session = ctypes.c_uint32()
            if self._image(process).casefold() == str(program).casefold() and self._kernel.ProcessIdToSessionId(
                process, ctypes.byref(session)
            ):
                found.append(Running(process, session.value))
        return found

    def kill(self, process: int) -> None:
        """End it now. One that is gone, or may not be ended, stays as it is."""
        if handle := self._kernel.OpenProcess(_TERMINATE, 0, process):
            self._kernel.TerminateProcess(ctypes.c_void_p(handle), 0)
            self._kernel.CloseHandle(ctypes.c_void_p(handle))

    def start(self, session: int, command: tuple[str, ...]) -> None:
        """As the user of that session, with their environment and on their desktop; nobody there is nobody started.

        Raises `OSError`.
        """
        token, environment = ctypes.c_void_p(), ctypes.c_void_p()
        if not self._terminal.WTSQueryUserToken(session, ctypes.byref(token)):
            if self._error() == _NO_TOKEN:
                return
            self._check(0)
        try:
            self._check(self._user.CreateEnvironmentBlock(ctypes.byref(environment), token, 0))
            startup = _Startup(size=ctypes.sizeof(_Startup), desktop=r"winsta0\default")
            started = _Started()
            words = ctypes.create_unicode_buffer(subprocess.list2cmdline(command))
            self._check(
                self._rights.CreateProcessAsUserW(
                    token, None, words, None, None, 0, _UNICODE_ENVIRONMENT, environment, None,
                    ctypes.byref(startup), ctypes.byref(started),
                )
            )  # fmt: skip
            for handle in (started.process, started.thread):
                self._kernel.CloseHandle(ctypes.c_void_p(handle))
        finally:
            if environment.value:
                self._user.DestroyEnvironmentBlock(environment)
            self._kernel.CloseHandle(token)

    def _image(self, process: int) -> str:
        handle = self._kernel.OpenProcess(_QUERY, 0, process)
        if not handle:
            return ""
        path = ctypes.create_unicode_buffer(_LONGEST_PATH)
        length = ctypes.c_uint32(_LONGEST_PATH)
        known = self._kernel.QueryFullProcessImageNameW(ctypes.c_void_p(handle), 0, path, ctypes.byref(length))
        self._kernel.CloseHandle(ctypes.c_void_p(handle))
        return path.value if known else ""

    def _check(self, succeeded: int) -> None:
        if not succeeded:
            number = int(self._error())
            raise OSError(number, f"Windows error {number}")
