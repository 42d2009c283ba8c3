"""Tokens in the operating system's keyring, by server and profile. Never in plain text on the disk.

A keyring is trusted only after a real round trip. Where there is none the token lives in memory until the app ends, and
the caller is told so. The work is done by `keyring_helper`, a process of its own.
"""

import asyncio
import contextlib
import json
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any, Final

HELPER_OPTION: Final = "--keyring-helper"
# A locked keyring asks its user for a password; that takes a moment.
WITHIN_S: Final = 45.0
_LOG: Final = logging.getLogger(__name__)


class KeyringStore:
    """One profile's token on one server. Every call ends within `within_s` seconds."""

    def __init__(self, server: str, profile: str, *, within_s: float = WITHIN_S) -> None:
        self._user = f"{profile}@{server}"
        self._within_s = within_s

    async def load(self) -> str | None:
        """The token that was kept, or null."""
        token = (await self._ask("get")).get("token")
        return token if isinstance(token, str) else None

    async def save(self, token: str) -> bool:
        """Whether it is in the keyring now, and can be read again."""
        return (await self._ask("save", token)).get("ok") is True

    async def forget(self) -> bool:
        """Whether nothing is kept any more."""
        return (await self._ask("forget")).get("ok") is True

    async def _ask(self, do: str, token: str | None = None) -> dict[str, Any]:
        request = json.dumps({"do": do, "user": self._user, "token": token}) + "\n"
        helper = await asyncio.create_subprocess_exec(*_command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        try:
            async with asyncio.timeout(self._within_s):
                answer, _ = await helper.communicate(request.encode())
            found: Any = json.loads(answer)
        except TimeoutError:
            _LOG.info("the keyring did not answer within %.0f s", self._within_s)
        except ValueError:
            _LOG.info("the keyring's helper ended without an answer")
        else:
            return found if isinstance(found, dict) else {}
        finally:
            if helper.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    helper.kill()
                await helper.wait()
        return {}


def _command() -> list[str]:
    """How this program starts its helper; a frozen one has no `-m`."""
    if getattr(sys, "frozen", False):
        return [sys.executable, HELPER_OPTION]
    return [sys.executable, "-m", "desktop.platform.keyring_helper"]
