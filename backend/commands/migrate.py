"""`flowpilot migrate`."""

import argparse
import asyncio
import sys

from backend.commands.console import say
from backend.commands.database import bring_up_to_date, wait_for_database
from backend.db.embedded import attach_or_start
from backend.settings import Settings


def run(_arguments: argparse.Namespace) -> int:
    """Bring the named database, or the data directory's own, up to date."""
    settings = Settings.from_environment()
    if settings.database_url:
        _migrate(settings.database_url, settings.db_wait_s)
    else:
        with attach_or_start(settings.data_dir) as url:
            _migrate(url, 0)
    return 0


def _migrate(url: str, wait_s: float) -> None:
    async def work() -> tuple[str | None, str | None]:
        await wait_for_database(url, wait_s=wait_s, tells=sys.stderr.isatty())  # a script wants one line, if any
        return await bring_up_to_date(url)

    before, after = asyncio.run(work())
    say(f"the database is up to date at {after}" + ("" if before == after else f", it was {before or 'empty'}"))
