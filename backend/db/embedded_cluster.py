"""The cluster on disk: made in one step, and known by its version."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from backend.db.embedded_account import Account, Launcher
from backend.db.embedded_files import EmbeddedError

DATABASE: Final = "flowpilot"

_INITDB = (
    "--username=postgres",
    "--auth-local=trust",  # the socket's folder is 0700
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale-provider=builtin",  # sorts the same on every operating system and release
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)


def make_cluster(cluster: Path, account: Account, launcher: Launcher, programs: Path, *, sync: bool) -> None:
    """Build the cluster and its database beside the final name, then rename: a kill leaves nothing half-made."""
    fresh = cluster.with_name("postgres.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    shutil.chown(fresh, account.uid, account.gid)
    options = _INITDB if sync else (*_INITDB, "--no-sync")
    made = launcher.run([str(programs / "initdb"), "-D", str(fresh), *options])
    if made.returncode == 0:
        single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
        made = launcher.run(single, text_in=f"CREATE DATABASE {DATABASE}\n")
    if made.returncode != 0:
        raise EmbeddedError(f"the database could not be made in {fresh}: {reason(made.stdout.splitlines())}")
    try:
        fresh.rename(cluster)  # takes the place of an empty folder, of nothing else
    except OSError as error:
        raise EmbeddedError(f"{cluster} holds something that is no database: move it away") from error


def check_version(cluster: Path, launcher: Launcher, programs: Path) -> None:
    """Raise EmbeddedError when another major version made the cluster; its files mean something else there."""
    made_by = (cluster / "PG_VERSION").read_text().strip()
    carried = launcher.run([str(programs / "postgres"), "--version"]).stdout.split()[-1].split(".")[0]
    if made_by != carried:
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {made_by} and this version carries {carried}: "
            "move the data over with pg_dump as docs/operations.md says"
        )


def reason(said: Iterable[str]) -> str:
    """Return the line a person needs from PostgreSQL's output."""
    lines = list(said)
    for mark in ("FATAL:", "ERROR:", "error:"):
        for line in lines:
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[-1].strip() if lines else "it said nothing"
