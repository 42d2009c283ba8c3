"""`flowpilot audit verify`: follows every account's chain and says where it breaks."""

import argparse
import asyncio
from pathlib import Path
from uuid import UUID

from backend.audit import anchors
from backend.audit.verify import Verdict, accounts
from backend.audit.verify import verify as verify_account
from backend.commands.console import tell
from backend.commands.database import command_database_url, opened, refuse_without_database
from backend.commands.errors import CommandError
from backend.settings import Settings


def verify(arguments: argparse.Namespace) -> int:
    """One line per account; 0 when all are whole, 1 when one is not."""
    refuse_without_database()
    settings = Settings.from_environment()
    path: Path = arguments.anchors or settings.data_dir / anchors.FILE
    if arguments.anchors and not path.exists():
        raise CommandError(f"there is no file {path}")
    with command_database_url(settings) as url:
        verdicts = asyncio.run(_verify(url, arguments.account, path))
    for one in verdicts:
        tell(_sentence(one))
    if not verdicts:
        tell("no account has an audit log yet")
    return 1 if any(one.broken for one in verdicts) else 0


async def _verify(url: str, only: UUID | None, path: Path) -> list[Verdict]:
    try:
        known = anchors.read(path)
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    async with opened(url) as database:
        # An account that an anchor names and the database no longer knows is looked at as well.
        found = {only} if only else {*await accounts(database), *known}
        return [await verify_account(database, one, known) for one in sorted(found)]


def _sentence(verdict: Verdict) -> str:
    if verdict.broken is None:
        return f"account {verdict.account_id}: {verdict.entries} entries, whole"
    return (
        f"account {verdict.account_id}: entry {verdict.broken.no} is the first that is broken: {verdict.broken.why} "
        f"({verdict.entries} before it are whole)"
    )
