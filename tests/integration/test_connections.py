"""What holds for every connection of the server, whichever of the two ways it was opened."""

import sqlalchemy as sa

from backend.db.engine import TRANSACTION_S, Database
from backend.db.ids import new_id

BOUNDS = {
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": f"{TRANSACTION_S}s",
}


async def test_no_frozen_process_keeps_what_it_locked_for_long(database: Database) -> None:
    """One that froze in the middle of a statement kept a handoff's row: nobody could be told of it or claim it."""
    for name, longest in BOUNDS.items():
        row = await database.call(f"show {name}")
        assert row is not None
        assert row[0] == longest
        async with database.tenant(new_id()) as tx:
            assert (await tx.execute(sa.text(f"show {name}"))).scalar_one() == longest
