"""Two commands made to meet in the database: each holds what the other may want next."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import asyncpg
import pytest

from backend.domain.refusal import Refusal
from backend.jobs.job import LeaseLostError
from backend.scim.messages import ScimError

Command = Callable[[], Awaitable[object]]
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Crossing:
    """`url` is the database's as its owner knows it."""

    url: str
    monkeypatch: pytest.MonkeyPatch

    async def behind(self, row: str, first: Command, second: Command) -> None:
        """Both begin while somebody holds a row: `first` stands at it when `second` begins. Then it is let go."""
        holder = await asyncpg.connect(self.url)
        try:
            transaction = holder.transaction()
            await transaction.start()
            assert await holder.fetch(row), "no such row"
            tasks = []
            for command in (first, second):
                tasks.append(asyncio.ensure_future(command()))
                await self.stand(holder, tasks)
            await transaction.rollback()
            await _ended(*tasks)
        finally:
            await holder.close()

    async def at(self, place: tuple[ModuleType, str], first: Command, second: Command) -> None:
        """`second` runs as far as it gets when `first` comes to call the function `place` of a module."""
        module, name = place
        real, met = getattr(module, name), list[asyncio.Future[Any]]()

        async def reached(*arguments: Any, **named: Any) -> Any:
            if not met:
                met.append(asyncio.ensure_future(second()))
                looker = await asyncpg.connect(self.url)
                try:
                    await self.stand(looker, met)
                finally:
                    await looker.close()
            return await real(*arguments, **named)

        with self.monkeypatch.context() as patch:
            patch.setattr(module, name, reached)
            own = asyncio.ensure_future(first())
            await asyncio.wait({own})
        await _ended(own, *met)
        assert met, f"{name} was never called"

    async def as_server(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """One statement as the role that row-level security binds."""
        connection = await asyncpg.connect(self.url, server_settings={"role": "flowpilot_app"})
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    @staticmethod
    async def stand(looker: "asyncpg.Connection[asyncpg.Record]", tasks: Sequence["asyncio.Future[Any]"]) -> None:
        """Wait until every task waits for a lock or is done."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                await looker.execute("select pg_stat_clear_snapshot()")  # else one look lasts for the transaction
                waiting = await looker.fetchval(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
                if waiting + sum(task.done() for task in tasks) >= len(tasks):
                    return
                await asyncio.sleep(0.005)


async def _ended(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        with contextlib.suppress(Refusal, ScimError, LeaseLostError):  # whoever came second may find nothing left to do
            await asyncio.wait_for(task, _PATIENCE_S)
