"""Migrations are plain SQL files of many statements, run in the version's own transaction."""

from collections.abc import Sequence
from pathlib import Path

from alembic import op


def run_scripts(names: Sequence[str]) -> None:
    """Run files of the `sql` folder one after the other. How long a lock is waited for, `backend.db.migrate` says."""
    for name in names:
        script = (Path(__file__).parent / "sql" / name).read_text(encoding="utf-8")
        # The driver's own execute takes a script of many statements; SQLAlchemy's takes one.
        driver = op.get_bind().connection.dbapi_connection
        if driver is None:
            raise RuntimeError("the migration lost its connection")
        driver.run_async(lambda raw, script=script: raw.execute(script))
