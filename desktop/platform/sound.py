"""Plays the notes with whatever this computer has for it, and says plainly when it has nothing.

Linux: the first of `pw-play`, `paplay`, `canberra-gtk-play`, `aplay` that works; macOS: `afplay`; Windows: the system's
own call (the last two written, not run here). A player that fails is not asked again for five minutes; meanwhile the
notification service may sound, if it can.
"""

import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from desktop.platform.sound_wave import notes as wave_of

_LOG: Final = logging.getLogger(__name__)
LONGEST_S: Final = 10.0
ASK_AGAIN_S: Final = 300.0
PLAYERS: Final[dict[str, tuple[str, ...]]] = {
    "pw-play": ("pw-play",),
    "paplay": ("paplay",),
    "canberra-gtk-play": ("canberra-gtk-play", "-f"),
    "aplay": ("aplay", "-q"),
}


class Player:
    """`desktop.core.ports.Sounds`. `folder` is where the sound files are kept once they are needed."""

    def __init__(self, folder: Path, players: tuple[tuple[str, ...], ...] | None = None) -> None:
        self._folder = folder
        self._players = _found() if players is None else players
        self._broken: dict[tuple[str, ...], float] = {}
        self._playing: asyncio.Task[None] | None = None
        self._winsound = _winsound()

    @property
    def plays(self) -> bool:
        """Whether there is a player that works as far as is known."""
        return self._winsound is not None or bool(self._working())

    @property
    def words(self) -> str:
        """For the settings and the diagnostics."""
        if self._winsound is not None:
            return "Windows"
        if working := self._working():
            return working[0][0]
        if self._players:
            return f"{self._players[0][0]} failed"
        return "No sound player on this computer"

    def ring(self, notes: int) -> None:
        """Play them; what is still playing ends first."""
        if self._winsound is not None:
            flags = self._winsound.SND_FILENAME | self._winsound.SND_ASYNC | self._winsound.SND_NODEFAULT
            self._winsound.PlaySound(str(self.file(notes)), flags)
        elif self._playing is None or self._playing.done():
            self._playing = asyncio.get_running_loop().create_task(self._play(notes))

    def file(self, notes: int) -> Path | None:
        """The sound as a file, made on first need; null when it cannot be written."""
        path = self._folder / f"notes-{notes}.wav"
        try:
            if not path.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wave_of(notes))
        except OSError as exc:
            _LOG.warning("the sound could not be written: %s", exc.strerror)
            return None
        return path

    async def stop(self) -> None:
        """Nothing sounds any more."""
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)

    def _working(self) -> list[tuple[str, ...]]:
        now = time.monotonic()
        return [player for player in self._players if self._broken.get(player, 0.0) <= now]

    async def _play(self, notes: int) -> None:
        # Half a second of arithmetic on a slow computer, the first time.
        path = await asyncio.to_thread(self.file, notes)
        for player in self._working() if path is not None else ():
            if await _run((*player, str(path))):
                return
            self._broken[player] = time.monotonic() + ASK_AGAIN_S
            _LOG.warning("%s could not play the sound", player[0])


async def _run(command: tuple[str, ...]) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(LONGEST_S):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _found() -> tuple[tuple[str, ...], ...]:
    if sys.platform == "darwin":
        return (("afplay",),)
    return tuple(command for name, command in PLAYERS.items() if shutil.which(name))


def _winsound() -> Any:
    if sys.platform == "win32":
        import winsound  # noqa: PLC0415 - Windows only

        return winsound
    return None
