"""One app for each profile: a later start hands over what it was asked for, and nobody else gets a word in."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from desktop.platform import meeting
from desktop.platform.meeting import OK, Errand, Place, hand_over
from desktop.platform.single_instance import SingleInstance

ID = "01a21f19-be46-763c-b5ab-1d489ed7000c"
_LATER = """
import sys
from desktop.platform.meeting import Errand, Place, hand_over
assert hand_over(Place.of(sys.argv[1]), Errand(sys.argv[2] or None))
assert not [name for name in sys.modules if name.startswith("PySide6")], "a link is handed over without loading Qt"
"""


@pytest.fixture
def runtime(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


class First:
    """The app that runs already, and its Qt loop."""

    def __init__(self, profile: str = "default") -> None:
        self.errands: list[Errand] = []
        self.instance = SingleInstance(profile)
        assert self.instance.claim(self.errands.append)

    async def turn(self) -> None:
        QCoreApplication.processEvents()
        await asyncio.sleep(0.01)


# A socket's path holds 107 bytes; a runtime folder may be deeper than that.
@pytest.mark.parametrize("depth", [0, 40, 120])
async def test_a_later_start_hands_its_link_to_the_first(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    deep = runtime / ("d" * depth)
    deep.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    first, other = First(), First("other")
    for wanted in ("", ID):
        later = await asyncio.create_subprocess_exec(sys.executable, "-c", _LATER, "default", wanted)
        async with asyncio.timeout(20):
            while later.returncode is None:
                await first.turn()
        assert later.returncode == 0
    assert first.errands == [Errand(), Errand(ID)]
    assert other.errands == []
    first.instance.release()
    other.instance.release()


@pytest.mark.parametrize(
    "said",
    [
        b"claim " + ID.encode() + b"\n",
        json.dumps({"v": 1, "open": f"{ID} --claim"}).encode() + b"\n",
        b"x" * 5000,
        b"\x00" * 10 + b"\n",
    ],
)
async def test_whoever_says_something_else_is_not_heard(runtime: Path, said: bytes) -> None:
    first = First()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(Place.of("default").name)
        peer.sendall(said)
        peer.setblocking(False)
        answer: bytes | None = None
        async with asyncio.timeout(20):
            while answer is None:
                await first.turn()
                try:
                    answer = peer.recv(10)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    answer = b""
    assert answer == b""
    assert first.errands == []
    first.instance.release()


async def test_a_peer_that_says_nothing_holds_up_nobody(runtime: Path) -> None:
    first = First()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(Place.of("default").name)
        later = asyncio.create_task(asyncio.to_thread(hand_over, Place.of("default"), Errand(ID)))
        async with asyncio.timeout(20):
            while not later.done():
                await first.turn()
        assert later.result()
    assert first.errands == [Errand(ID)]
    first.instance.release()


def test_nobody_there_is_known_at_once(runtime: Path) -> None:
    began = time.monotonic()
    assert not hand_over(Place.of("default"), Errand())
    assert time.monotonic() - began < meeting.ANSWER_S


def test_a_first_start_that_hangs_is_given_up(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(Place.of("default").name)
        hung.listen()
        assert not hand_over(Place.of("default"), Errand(), within_s=0.2)
    assert meeting.ANSWER_S <= 5
    assert OK.endswith(b"\n")


@pytest.mark.parametrize("taken", ["", "link", "open", "file"])
def test_without_a_runtime_folder_nobody_else_can_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    shared, home = tmp_path / "s", tmp_path / "h"
    shared.mkdir()
    home.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(meeting, "_SHARED", shared)
    own = shared / f"flowpilot-{os.getuid()}"
    match taken:
        case "link":
            own.symlink_to(home)
        case "open":
            own.mkdir()
            own.chmod(0o777)
        case "file":
            own.touch()
    place = Place.of("default")
    for path in (place.lock, Path(place.name)):
        assert path.parent == (home / ".flowpilot-run" if taken else own)
        assert path.parent.stat().st_mode & 0o077 == 0
    assert Place.of("default") == place


def test_another_users_ok_is_not_believed_and_they_are_told_nothing(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place.of("default")
    with socket.socket(socket.AF_UNIX) as strange:
        strange.bind(place.name)
        strange.listen()
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
        assert not hand_over(place, Errand(ID), within_s=1)
        peer, _ = strange.accept()
        with peer:
            assert peer.recv(100) == b""


def test_the_lock_of_a_killed_app_is_taken_over(runtime: Path) -> None:
    code = (
        "from desktop.platform.single_instance import SingleInstance; import os, signal;"
        "one = SingleInstance('default'); assert one.claim(lambda _: None); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    First().instance.release()
