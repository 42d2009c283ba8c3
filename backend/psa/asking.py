"""One question to a connector whose turn has been taken: what came back, and giving the turn back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow
from backend.psa import repository
from backend.psa.connections import Connections
from backend.psa.port import AwayError, Psa, PsaError

WORK_S: Final = 45.0
"""Less than repository.BUSY_S and the lane's lease: nothing is asked in the name of a turn that another has."""
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Asking(Generic[Found]):
    """`found` is None exactly when there is an `error`."""

    found: Found | None
    error: PsaError | None
    calls: int

    async def give_turn(self, tx: AsyncConnection, connections: Connections, connector: AnyRow) -> None:
        """The next one may ask."""
        wait_s = self.error.wait_s if isinstance(self.error, AwayError) else None
        limits = connections.limits(connector.system)
        await repository.give_turn(tx, connector.account_id, connector.id, limits, calls=self.calls, wait_s=wait_s)


async def asked(
    connections: Connections,
    connector: AnyRow,
    question: Callable[[Psa], Awaitable[Found]],
    *,
    within_s: float = WORK_S,
) -> Asking[Found]:
    """Never raises for what the PSA does."""
    try:
        psa, calls = connections.connect(connector)
    except PsaError as error:
        return Asking(None, error, 0)
    before = calls.made
    try:
        async with asyncio.timeout(within_s):
            found = await question(psa)
    except PsaError as error:
        return Asking(None, error, calls.made - before)
    except TimeoutError:
        slow = AwayError(f"{calls.name} was too slow: nothing came of it in {within_s:g} s.")
        return Asking(None, slow, calls.made - before)
    return Asking(found, None, calls.made - before)
