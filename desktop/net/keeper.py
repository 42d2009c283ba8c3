"""Keeps a computer signed in: a refresh token, the access token of the moment, and when to fetch the next one.

The access token lives in memory only. The refresh token is handed to `save` each time it changes, before it is used:
whatever happens in between, the kept one or its successor is good at the server. One renewal runs at a time.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from desktop.core.ports import ApiError, SignedOutError

_LOG: Final = logging.getLogger(__name__)
EARLY: Final = 0.2
"""The share of an access token's life that is left when the next one is fetched."""
LOOK_S: Final = 30.0
"""A sleeping computer's timers stand still: the clock is looked at this often."""
RETRY_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An answer of the token endpoint. `expires_in` is the access token's life in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float


class TokenKeeper:
    """`renew` asks the server (raises `ApiError`), `save` keeps a refresh token."""

    def __init__(
        self,
        refresh_token: str,
        renew: Callable[[str], Awaitable[Tokens]],
        save: Callable[[str], Coroutine[Any, Any, None]],
        *,
        first: Tokens | None = None,
    ) -> None:
        self.refresh_token = refresh_token
        self.renewed: list[Callable[[str], None]] = []
        self._renew = renew
        self._save = save
        self._access: str | None = None
        self._life = 0.0
        self._ends = (0.0, 0.0)
        self._one = asyncio.Lock()
        self._saving: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._over = False
        if first is not None:
            self._hold(first)

    def start(self) -> None:
        """Renew before the end, and after sleep, without being asked."""
        self._watch = asyncio.get_running_loop().create_task(self._keep_fresh())

    async def stop(self) -> None:
        """No more renewals; a save under way is finished."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._saving is not None:
            await asyncio.wait({self._saving})

    async def bearer(self, refused: str | None = None) -> str:
        """An access token that should hold; `refused` is one that the server has just refused. Raises `ApiError`."""
        async with self._one:
            if self._over:
                raise SignedOutError
            if self._access is None or self._access == refused or self._left() <= 0:
                return await self._next()
            return self._access

    @property
    def saved(self) -> asyncio.Task[None] | None:
        """The newest save, under way or done."""
        return self._saving

    async def _next(self) -> str:
        if self._saving is not None:
            await asyncio.wait({self._saving})
        try:
            tokens = await self._renew(self.refresh_token)
        except SignedOutError:
            self._over = True
            raise
        self._hold(tokens)
        self._saving = asyncio.get_running_loop().create_task(self._save(tokens.refresh_token))
        for listener in tuple(self.renewed):
            listener(tokens.access_token)
        return tokens.access_token

    def _hold(self, tokens: Tokens) -> None:
        self.refresh_token = tokens.refresh_token
        self._access = tokens.access_token
        self._life = tokens.expires_in
        self._ends = (time.monotonic() + tokens.expires_in, time.time() + tokens.expires_in)

    def _left(self) -> float:
        """Seconds; by the clock that says less, since one stands still in sleep and the other may be set."""
        return min(self._ends[0] - time.monotonic(), self._ends[1] - time.time())

    async def _keep_fresh(self) -> None:
        while not self._over:
            due = self._left() - EARLY * self._life
            if self._access is not None and due > 0:
                await asyncio.sleep(min(due, LOOK_S))
                continue
            try:
                async with self._one:
                    if not self._over:
                        await self._next()
            except SignedOutError:
                _LOG.info("the server has ended this computer's sign-in")
            except ApiError as exc:
                _LOG.debug("the sign-in could not be renewed yet: %s", type(exc).__name__)
                await asyncio.sleep(RETRY_S)
