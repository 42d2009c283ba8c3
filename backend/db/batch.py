"""Many small questions as one: whoever asks while the database is being asked rides in the next call.

A lone question goes at once, so nothing waits for company; a thousand sockets that come back together cost some calls
instead of a thousand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import asyncpg

MOST: Final = 500
_Key = TypeVar("_Key")
_Answer = TypeVar("_Answer")


class Batch(Generic[_Key, _Answer]):
    """`ask(keys)` answers in the keys' order."""

    def __init__(self, ask: Callable[[list[_Key]], Awaitable[list[_Answer]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[_Key, asyncio.Future[_Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def one(self, key: _Key) -> _Answer:
        """The answer for one key. Raises what `ask` raises."""
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="batch")
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                now, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._settle(now)
        except BaseException:
            for _, future in self._waiting:  # who came meanwhile would wait for ever
                future.cancel()
            self._waiting = []
            raise
        finally:
            self._task = None

    async def _settle(self, asked: list[tuple[_Key, asyncio.Future[_Answer]]]) -> None:
        try:
            answers = await self._ask([key for key, _ in asked])
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if isinstance(error, asyncpg.PostgresError) and len(asked) > 1:
                for one in asked:  # one that the database refuses must not take the others along
                    await self._settle([one])
                return
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        except BaseException:
            for _, future in asked:
                future.cancel()
            raise
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)
