"""Looking for planted words where they must not stand: a whole database as a backup has it, and its tables by name."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from backend.db.archive import dump
from backend.db.embedded_files import pg_bin
from tests.support.flow import Owner


async def in_the_database(owner: Owner, words: Iterable[str]) -> list[str]:
    """The tables in which one of the words stands, as text or as bytes."""
    names = await owner.fetch(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    sought = [form for word in words for form in (word, word.encode().hex())]
    found = []
    for (name,) in names:
        rows = f"SELECT count(*) FROM {name} t WHERE to_jsonb(t)::text LIKE ANY($1)"
        if await owner.value(rows, [f"%{one}%" for one in sought]):
            found.append(name)
    return found


def backed_up(database_url: str, folder: Path) -> str:
    """The database as `flowpilot backup` writes it, unpacked to text."""
    target = folder / "database.dump"
    dump(database_url, target)
    command = [str(pg_bin() / "pg_restore"), "--file=-", str(target)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
