"""Is the log what was written: each chain followed from its first entry, held against its book and its anchors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.audit import repository
from backend.audit.anchors import Anchor
from backend.audit.chain import Broken, Chain
from backend.audit.keeper import seal
from backend.db.engine import Database

_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One account's log: how many entries are whole from the start, and the first that is not."""

    account_id: UUID
    entries: int
    broken: Broken | None


async def accounts(database: Database) -> list[UUID]:
    """Accounts that have a chain."""
    return [row[0] for row in await database.call_many("select audit_chains()")]


async def verify(database: Database, account_id: UUID, known: Mapping[UUID, Sequence[Anchor]]) -> Verdict:
    """Follow one account's chain; `known` are the anchors that were written outside."""
    await seal(database, account_id)
    chain = Chain(account_id)
    anchored = {one.no: one.hash for one in known.get(account_id, ())}
    while True:
        async with database.tenant(account_id) as tx:
            rows = await repository.after(tx, account_id, chain.no, _BATCH)
            end = await repository.chain_end(tx, account_id)
        for row in rows:
            broken = chain.follow([row]) or _against(anchored, chain)
            if broken:
                return Verdict(account_id, broken.no - 1, broken)
        if len(rows) < _BATCH:
            break
    missing = [no for no in anchored if no > chain.no]
    if (end is not None and (end.last_no > chain.no or bytes(end.last_hash) != chain.hash)) or missing:
        return Verdict(account_id, chain.no, Broken(chain.no + 1, "it and what came after it are missing"))
    return Verdict(account_id, chain.no, None)


def _against(anchored: Mapping[int, bytes], chain: Chain) -> Broken | None:
    if chain.no in anchored and anchored[chain.no] != chain.hash:
        return Broken(chain.no, "it is another than the anchor outside the database says")
    return None
