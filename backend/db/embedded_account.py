"""Under which account, and by which way, PostgreSQL's programs are run.

PostgreSQL refuses to run as root. Started by root it runs as `nobody`, which must reach two places that often lie under
a mode-700 folder: the programs in the virtual environment and the data directory. Folders that are not ours are never
opened; where the way is closed, the programs get the one kernel capability to pass closed folders, and nothing else.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from backend.db.embedded_files import EmbeddedError

_PR_SET_PDEATHSIG = 1
# A server that outlives a killed parent would hold the data directory for ever; SIGINT is its fast, clean stop.
PARENT_DEATH_SIGNAL = signal.SIGINT


class Account(NamedTuple):
    """Who runs the database's processes; `switch` when that is not the current user."""

    uid: int
    gid: int
    switch: bool


def service_account(cluster: Path) -> Account:
    """Return the account that owns the cluster, or that shall own it when it does not exist yet."""
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{cluster} belongs to another user (number {owner.st_uid}): "
                "start as that user or as root, or choose another --data-dir"
            )
        return Account(os.geteuid(), os.getegid(), switch=False)
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedError(
            "PostgreSQL does not run as root and there is no account 'nobody': start as an ordinary user"
        ) from error
    return Account(nobody.pw_uid, nobody.pw_gid, switch=True)


class Launcher:
    """Runs programs as the service account, by the plainest way that reaches them."""

    def __init__(self, account: Account, prefix: list[str]) -> None:
        self._account = account
        self._prefix = prefix

    def run(
        self, command: list[str], *, cwd: Path | None = None, text_in: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; standard output and error come back together in `stdout`."""
        user, group, groups = self._identity()
        return subprocess.run(  # noqa: S603 - our own programs, no shell
            [*self._prefix, *command],
            input=text_in,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=cwd or "/",
            env=_environment(),
            user=user,
            group=group,
            extra_groups=groups,
        )

    def spawn(self, command: list[str], *, stderr: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a process that is asked to stop when the calling THREAD ends, so call this from a lasting one."""
        user, group, groups = self._identity()
        prefix = self._prefix and [*self._prefix[:-1], "--pdeathsig", PARENT_DEATH_SIGNAL.name[3:], "--"]
        return subprocess.Popen(  # noqa: S603 - our own programs, no shell
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            env=_environment(),
            # Ctrl-C in a terminal goes to the whole foreground group; the database must outlive the server's farewell.
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=groups,
            # Set after the change of user, which clears it; setpriv does the same for itself.
            preexec_fn=None if prefix else _parent_death_hook(),  # noqa: PLW1509 - one system call, prepared beforehand
        )

    def _identity(self) -> tuple[int | None, int | None, list[int] | None]:
        if self._account.switch and not self._prefix:
            return self._account.uid, self._account.gid, []
        return None, None, None


def find_launcher(account: Account, postgres: Path, folders: Sequence[Path]) -> Launcher:
    """Return the first way of running `postgres` and standing in each of `folders` that works, proved by doing it."""
    for prefix in _prefixes(account):
        launcher = Launcher(account, prefix)
        script = '"$1" --version && shift && for folder; do cd "$folder" || exit; done'
        probe = ["/bin/sh", "-c", script, "sh", str(postgres), *map(str, folders)]
        try:
            if launcher.run(probe).returncode == 0:
                return launcher
        except (OSError, subprocess.SubprocessError):
            continue  # this way does not exist here; the next one may
    who = _account_name(account.uid)
    raise EmbeddedError(
        f"the account '{who}' that runs PostgreSQL cannot reach {postgres.parent} or {folders[0]}: "
        "keep both under folders that others may pass (mode 711), start as an ordinary user, "
        "or name a database in FLOWPILOT_DATABASE_URL"
    )


def _prefixes(account: Account) -> list[list[str]]:
    if not account.switch:
        return [[]]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return [[]]
    who = ["--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
    # Without no_setuid_fixup access(2) answers as if the capability were not there, and PostgreSQL asks access(2)
    # about its own programs.
    return [[]] + [
        [setpriv, *who, "--securebits=+no_setuid_fixup", f"--inh-caps=+{cap}", f"--ambient-caps=+{cap}", "--"]
        for cap in ("dac_read_search", "dac_override")
    ]


def _environment() -> dict[str, str]:
    """Return a small environment: PG* variables of the caller would lead PostgreSQL's programs elsewhere."""
    kept = {name: os.environ[name] for name in ("PATH", "TZDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def _parent_death_hook() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, int(PARENT_DEATH_SIGNAL), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return hook


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
