"""Tokens in the operating system's keyring, by server and profile. Never in plain text on the disk.

A keyring is trusted only after a real round trip: some accept and forget, some block on a prompt nobody sees. Where
there is none the token lives in memory until the app ends, and the caller is told so.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

SERVICE: Final = "FlowPilot Escalations"
WITHIN_S: Final = 5.0
_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class KeyringStore:
    """One profile's token on one server. Every call ends within 5 s."""

    def __init__(self, server: str, profile: str, *, within_s: float = WITHIN_S) -> None:
        self._user = f"{profile}@{server}"
        self._within_s = within_s

    async def load(self) -> str | None:
        """The token that was kept, or null."""
        return await self._ask(self._get, None)

    async def save(self, token: str) -> bool:
        """Whether it is in the keyring now, and can be read again."""

        def round_trip() -> bool:
            keyring = _safe_keyring()
            if keyring is None:
                return False
            keyring.set_password(SERVICE, self._user, token)
            return keyring.get_password(SERVICE, self._user) == token

        return await self._ask(round_trip, default=False)

    async def forget(self) -> bool:
        """Whether nothing is kept any more."""

        def delete() -> bool:
            keyring = _safe_keyring()
            if keyring is not None and keyring.get_password(SERVICE, self._user) is not None:
                keyring.delete_password(SERVICE, self._user)
            return True

        return await self._ask(delete, default=False)

    def _get(self) -> str | None:
        keyring = _safe_keyring()
        return keyring.get_password(SERVICE, self._user) if keyring is not None else None

    async def _ask(self, work: Callable[[], _T], default: _T) -> _T:
        """Run `work` beside the loop in a thread of its own: a hung prompt must not keep the app from ending."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def settle(value: _T) -> None:
            if not answer.done():
                answer.set_result(value)

        def run() -> None:
            try:
                value = work()
            except Exception as exc:  # noqa: BLE001 - backends raise anything; each of it means: no keyring
                _LOG.info("the keyring did not serve: %s", type(exc).__name__)
                value = default
            try:
                loop.call_soon_threadsafe(settle, value)
            except RuntimeError:
                _LOG.debug("the app ended before the keyring answered")

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            async with asyncio.timeout(self._within_s):
                return await answer
        except TimeoutError:
            _LOG.info("the keyring did not answer within %.0f s", self._within_s)
            return default


class _Keyring:
    """The two modules' functions that are used, so that the import can be late."""

    def __init__(self) -> None:
        import keyring  # noqa: PLC0415 - 12 MB and 0.15 s that the start does not need

        self.get_password = keyring.get_password
        self.set_password = keyring.set_password
        self.delete_password = keyring.delete_password
        self.name = type(keyring.get_keyring()).__module__


def _safe_keyring() -> _Keyring | None:
    """The keyring in use, unless it would write plain text or is none at all."""
    found = _Keyring()
    if found.name.startswith("keyrings.alt") or found.name in {"keyring.backends.fail", "keyring.backends.null"}:
        return None
    if found.name == "keyring.backends.chainer":
        from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415 - see above

        parts = [type(backend).__module__ for backend in ChainerBackend.backends]
        if not parts or any(name.startswith("keyrings.alt") for name in parts):
            return None
    return found
