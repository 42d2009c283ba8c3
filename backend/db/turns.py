"""Places that accounts take in turn: whoever storms waits behind themselves, not in front of everybody else.

A place is a connection's worth of work in this process. While places are free nobody waits. When all are taken, those
who wait get the next one account by account, however many of one account stand in line; and no account has all of
them, since the work of one may stand still for seconds (a row that somebody holds).
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from uuid import UUID

_inside: ContextVar[tuple[tuple["Turns", UUID, "asyncio.Task[object] | None"], ...]] = ContextVar(
    "flowpilot_turns", default=()
)


class Turns:
    """`places` at once in all, `each` of one account."""

    def __init__(self, places: int, each: int) -> None:
        self._free = places
        self._each = each
        self._taken: Counter[UUID] = Counter()
        self._lines: OrderedDict[UUID, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, account_id: UUID) -> AsyncIterator[None]:
        """A place of this account while the block runs. A task that has one already needs no second."""
        held = _inside.get()
        mark = (self, account_id, asyncio.current_task())
        if mark in held:
            yield
            return
        await self.take(account_id)
        token = _inside.set((*held, mark))
        try:
            yield
        finally:
            self.give(account_id)  # first: a block that is ended from elsewhere has no mark to take away here
            _inside.reset(token)

    async def take(self, account_id: UUID) -> None:
        """Wait for a place of this account; whoever got one gives it back with `give`, from wherever its work ends."""
        if self._free and self._taken[account_id] < self._each and account_id not in self._lines:
            self._free -= 1
            self._taken[account_id] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(account_id, deque())
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                if turn in line:
                    line.remove(turn)
                if not line and self._lines.get(account_id) is line:
                    del self._lines[account_id]
            else:  # it was given at this very moment
                self.give(account_id)
            raise

    def give(self, account_id: UUID) -> None:
        """The place is free for the next one."""
        self._free += 1
        self._taken[account_id] -= 1
        if not self._taken[account_id]:
            del self._taken[account_id]
        for waiting in tuple(self._lines):
            if not self._free:
                return
            if self._taken[waiting] < self._each:
                self._next_of(waiting)

    def _next_of(self, account_id: UUID) -> None:
        """Give the first of this account's line a place; the account goes to the end of those who wait."""
        line = self._lines[account_id]
        while line:
            turn = line.popleft()
            if not turn.done():
                self._free -= 1
                self._taken[account_id] += 1
                turn.set_result(None)
                break
        self._lines.move_to_end(account_id)
        if not line:
            del self._lines[account_id]
