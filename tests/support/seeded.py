"""Bugs that are sown on purpose, to prove that the checker of the fault tests would see them.

Some live in the program's process (`sow`, called by `faulty_server` before the program starts), some in functions of
the test's own database (`sow_in_database`). Nothing of this is in the product.
"""

import asyncio
from typing import Any, Final
from unittest.mock import patch

import asyncpg
import sqlalchemy as sa

import backend.db.engine
import backend.delivery.mail_repository
from backend.db.engine import Database
from backend.feed.hub import FeedHub
from backend.feed.log import LogEntry, LogPosition

BUGS: Final = ("publish_before_commit", "no_claim_guard", "no_recheck", "session_setting")
_BETWEEN_S: Final = 2.0
"""How long the told and not yet committed event stands, in the bug that tells too early: time to hear of it and ask."""


def sow(bug: str) -> None:
    """Spoil this process; the bugs of the database alone need nothing here."""
    if bug == "publish_before_commit":
        _publish_before_commit()
    elif bug == "no_recheck":
        _no_recheck()
    elif bug == "session_setting":
        loose = sa.text("select set_config('app.account_id', :account, false)")
        patch.object(backend.db.engine, "_SET_ACCOUNT", loose).start()


async def sow_in_database(owner_url: str, bug: str) -> None:
    """Spoil functions of this database."""
    connection = await asyncpg.connect(owner_url)
    try:
        if bug == "no_claim_guard":
            await replace_in(
                connection, "claim_handoff", "and x.status = 'pending' and x.handed_off_by", "and x.handed_off_by"
            )
        elif bug == "session_setting":
            names = await connection.fetch(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " AND prosrc LIKE '%p_account::text, true%'"
            )
            for (name,) in names:
                await replace_in(connection, name, "p_account::text, true", "p_account::text, false")
    finally:
        await connection.close()


async def replace_in(connection: "asyncpg.Connection[asyncpg.Record]", name: str, old: str, new: str) -> None:
    """Replace a fragment of a function's text; fails when the fragment is not there (any more)."""
    text = await connection.fetchval("SELECT pg_get_functiondef($1::regproc)", name)
    assert old in text, f"{name} no longer says: {old}"
    await connection.execute(text.replace(old, new))


def _publish_before_commit() -> None:
    """Tell this process's readers of an escalation inside its transaction, as an outbox-less program would."""
    hubs: list[FeedHub] = []
    start, call = FeedHub.start, Database.call

    def started(self: FeedHub) -> None:
        hubs.append(self)
        start(self)

    async def early(self: Database, statement: str, *arguments: Any, **named: Any) -> Any:
        if "escalate_handoff" not in statement:
            return await call(self, statement, *arguments, **named)
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(statement, *arguments)
            assert row is not None
            if row["seq"] is not None:
                events = await connection.fetch("select * from events_after($1, $2, 1)", arguments[0], row["seq"] - 1)
                for hub in hubs:
                    await _tell(hub, arguments[0], events[0])
                await asyncio.sleep(_BETWEEN_S)
        return row

    patch.object(FeedHub, "start", started).start()
    patch.object(Database, "call", early).start()


async def _tell(hub: FeedHub, account: Any, event: asyncpg.Record) -> None:
    feed = hub._feeds.get(account)
    if feed is None:
        return
    feed._ring.append(LogEntry(event["seq"], event["kind"], event["at"], event["data"]))
    feed._position = LogPosition(feed._position.epoch, event["seq"], feed._position.oldest)
    hub.told(feed)
    await feed.tell()


def _no_recheck() -> None:
    """Send what was due when the work was taken, without asking again whether anybody still wants it."""

    async def yes(*_: object) -> bool:
        return True

    patch.object(backend.delivery.mail_repository, "still_wanted", yes).start()
