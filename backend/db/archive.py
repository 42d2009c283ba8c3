"""One database as a file, and back: pg_dump and pg_restore, with what they leave out.

They do not carry roles (those belong to the cluster), so a dump names no owner: whoever restores owns the tables, and
the functions that must belong to `flowpilot_definer` are named beside the dump.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url

from backend.db.embedded_files import pg_bin
from backend.db.url import asyncpg_url

_ROLES: Final = """
do $$
declare
    r text;
begin
    perform pg_advisory_xact_lock(7305110413);
    foreach r in array array['flowpilot_app', 'flowpilot_definer'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole', r);
        end if;
        if not (select rolsuper from pg_roles where rolname = current_user) then
            execute format('grant %I to %I', r, current_user);
        end if;
    end loop;
end $$
"""
_DEFINER: Final = """
select p.oid::regprocedure::text as name from pg_proc p join pg_roles r on r.oid = p.proowner
where p.pronamespace = 'public'::regnamespace and r.rolname = 'flowpilot_definer' order by 1
"""
_TABLES: Final = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"


class ArchiveError(Exception):
    """The database could not be written out or brought back; the text is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a dump came from."""

    revision: str
    server: str
    definer_functions: Sequence[str]


async def origin(url: str) -> Origin:
    """Ask the database of `url` what a restore will need to know. Raises what the driver raises."""
    connection = await asyncpg.connect(asyncpg_url(url), timeout=10)
    try:
        revision = await connection.fetchval("select version_num from alembic_version")
        server = await connection.fetchval("show server_version")
        names = [row["name"] for row in await connection.fetch(_DEFINER)]
    finally:
        await connection.close()
    return Origin(str(revision), str(server), names)


def dump(url: str, target: Path) -> None:
    """Write the database of `url` into `target`, one consistent moment of it, while everyone works on.

    Raises ArchiveError.
    """
    _run("pg_dump", url, ["--format=custom", "--no-owner", "--schema=public", f"--file={target}"])


def restore(url: str, source: Path, came_from: Origin) -> None:
    """Bring a dump back into the empty database of `url`, all or nothing, under a new epoch.

    Every client then takes its queue anew instead of going on at a position that another history had. Raises
    ArchiveError, also where the database is not empty.
    """
    asyncio.run(_make_ready(url))
    # --clean: an empty database has the schema already, and the dump brings it too.
    _run("pg_restore", url, ["--single-transaction", "--no-owner", "--clean", "--if-exists", str(source)])
    asyncio.run(_settle(url, came_from))


async def _make_ready(url: str) -> None:
    connection = await asyncpg.connect(asyncpg_url(url), timeout=10)
    try:
        if await connection.fetchval(_TABLES):
            raise ArchiveError("the database is not empty: restore into a new data directory or a new database")
        await connection.execute(_ROLES)
    finally:
        await connection.close()


async def _settle(url: str, came_from: Origin) -> None:
    connection = await asyncpg.connect(asyncpg_url(url), timeout=10)
    try:
        async with connection.transaction():
            for name in came_from.definer_functions:
                # As the database itself quoted it; a name that is no function of ours is refused by the look-up.
                known = await connection.fetchval("select to_regprocedure($1)::text", name)
                if known is None:
                    raise ArchiveError(f"the backup names a function that it does not hold: {name}")
                await connection.execute(f"alter function {known} owner to flowpilot_definer")
            # Row-level security is forced on the owner as well; it is back before anyone else can look.
            await connection.execute("alter table account_stream no force row level security")
            await connection.execute("update account_stream set epoch = gen_random_uuid()")
            await connection.execute("alter table account_stream force row level security")
    finally:
        await connection.close()


def _run(program: str, url: str, arguments: list[str]) -> None:
    parts = make_url(url).set(drivername="postgresql")
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    if parts.password:
        environment["PGPASSWORD"] = str(parts.password)  # never in the arguments, which everybody on the machine reads
    address = parts.set(password=None).render_as_string(hide_password=False)
    command = [str(pg_bin() / program), f"--dbname={address}", "--no-password", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise ArchiveError(f"{program} gave up: {_first_error(done.stderr)}{_remedy(done.stderr)}")


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it said nothing")


def _remedy(text: str) -> str:
    if "row-level security" in text:
        return "; name a database user with BYPASSRLS (or a superuser) in FLOWPILOT_DATABASE_URL for this command"
    if "server version mismatch" in text:
        return "; name the folder of that version's programs in FLOWPILOT_PG_BIN"
    return ""
