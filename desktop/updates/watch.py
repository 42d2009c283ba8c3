"""The tray's side of updates: when to ask, what to say, and the moment in which a new version takes its place."""

import asyncio
import contextlib
import json
import logging
import random
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from desktop.core import words
from desktop.net.proxy import ProxyChoice
from desktop.settings.store import Store
from desktop.updates import staging, state
from desktop.updates.release import Here, Release, offered
from desktop.version import version

HELPER_OPTION: Final = "--update-helper"
ROOT: Final = Path(__file__).with_name("root.json")
"""The pinned root. A build without it (from the sources, a test build) looks for nothing."""
FIRST_S: Final = 120.0
EVERY_S: Final = 6 * 3600.0
PROVED_S: Final = 60.0
WITHIN_S: Final = 1800.0
_CLAIM_LOOK_S: Final = 2.0
_LOG: Final = logging.getLogger(__name__)


class Updates:
    """One per app. `server` answers the address at hand, `busy` whether a claim is under way."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        ca_file: Path | None,
        server: Callable[[], str],
        proxy: Callable[[], ProxyChoice],
        busy: Callable[[], bool],
        install: Path | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._ca_file = ca_file
        self._server = server
        self._proxy = proxy
        self._busy = busy
        self._install = install
        self._state = state.read(folder)
        self._asking = asyncio.Lock()
        self._words = ""
        self._current_at: datetime | None = None

    @property
    def words(self) -> str:
        """What *About* says; empty before anything is known."""
        return f"Up to date, checked {words.day_clock(self._current_at)}" if self._current_at else self._words

    @property
    def possible(self) -> bool:
        """Whether this build can tell a true release from a false one."""
        return ROOT.is_file() and self._store.words("update.mode") != "off"

    async def run(self) -> bool:
        """Until a new version has taken this one's place; true then. Never during a claim."""
        await self._prove()
        await asyncio.sleep(FIRST_S * random.uniform(0.5, 1.5))  # noqa: S311 - so that a shop's computers spread out
        while True:
            staged = await self.look()
            if staged is not None and await self._take_place(*staged):
                return True
            await asyncio.sleep(EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 - the same

    async def look(self) -> tuple[Path, str] | None:
        """Ask once; answers the new folder and its version where one is ready to take this one's place."""
        self._current_at = None
        if not self.possible or not self._server():
            self._words = self._why_not()
            return None
        async with self._asking:
            answer = await self._ask()
        match answer:
            case {"state": "staged", "staged": str(made), "version": str(newer)}:
                self._words = f"{newer} is ready. It starts by itself in a moment"
                return Path(made), newer
            case {"state": "offered", "version": str(newer)}:
                self._words = f"{newer} is out. {self._who()} installs it"
            case {"state": "current"}:
                self._current_at = datetime.now().astimezone()
            case {"reason": str(reason)}:
                self._words = reason
                _LOG.info("updates: %s", reason)
            case _:
                self._words = "Not checked for updates: the helper ended without an answer"
        return None

    def _why_not(self) -> str:
        if self._store.words("update.mode") == "off":
            return "Updates are switched off"
        return "" if ROOT.is_file() else "This build looks for no updates"

    def _who(self) -> str:
        return self._store.words("organisation") or "Whoever manages this computer"

    def _question(self) -> dict[str, Any]:
        proxy = self._proxy()
        alone = self._store.words("update.mode") == "auto"
        return {
            "url": f"{self._server()}/updates",
            "folder": str(self._folder),
            "channel": self._store.words("update.channel"),
            "pin": self._store.words("update.pin"),
            "segment": self._state.segment,
            "refused": list(self._state.refused),
            "install": str(self._install) if alone and self._install is not None else None,
            "ca_file": str(self._ca_file) if self._ca_file else None,
            "proxy": {"mode": proxy.mode, "url": proxy.url},
        }

    async def _ask(self) -> dict[str, Any]:
        self._keep(self._state)
        question = json.dumps(self._question()) + "\n"
        helper = await asyncio.create_subprocess_exec(*_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        try:
            async with asyncio.timeout(WITHIN_S):
                told, _ = await helper.communicate(question.encode())
            found: Any = json.loads(told)
        except (TimeoutError, ValueError):
            return {}
        finally:
            if helper.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    helper.kill()
                await helper.wait()
        return found if isinstance(found, dict) else {}

    async def _take_place(self, made: Path, newer: str) -> bool:
        if self._install is None or not self._still_wanted(newer):
            return False
        while self._busy():  # noqa: ASYNC110 - a claim takes seconds, and an update waits for one a few times a year
            await asyncio.sleep(_CLAIM_LOOK_S)
        self._keep(replace(self._state, trial=newer, tries=0))
        try:
            await asyncio.to_thread(staging.change_places, made, self._install)
        except OSError as exc:
            _LOG.warning("the new version could not take its place: %s", exc.strerror)
            self._words = f"{newer} could not be installed: {(exc.strerror or 'the system refused').lower()}"
            return False
        return True

    def _still_wanted(self, newer: str) -> bool:
        """A policy may have come while it was fetched."""
        here = Here(
            version=version(),
            pin=self._store.words("update.pin"),
            segment=self._state.segment,
            refused=frozenset(self._state.refused),
        )
        wanted = offered(Release(version=newer, rollout=100, files={}), here)
        return wanted and self._store.words("update.mode") == "auto"

    async def _prove(self) -> None:
        """A version on trial that has run this long is kept."""
        if self._state.trial != version() or self._install is None:
            return
        await asyncio.sleep(PROVED_S)
        self._keep(state.proved(self._state))
        await asyncio.to_thread(staging.forget_former, self._install)

    def _keep(self, now: state.State) -> None:
        self._state = now
        try:
            state.write(self._folder, now)
        except OSError as exc:
            _LOG.warning("updates: the state is not kept: %s", exc.strerror)


def _command() -> list[str]:
    """How this program starts its helper; a frozen one has no `-m`."""
    if getattr(sys, "frozen", False):
        return [sys.executable, HELPER_OPTION]
    return [sys.executable, "-m", "desktop.updates.helper"]
