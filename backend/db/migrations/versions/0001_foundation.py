"""The first version: tables, roles, row-level security, sign-in look-ups, the hot path.

Revision ID: 0001
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("0001_tables.sql", "0001_roles.sql", "0001_lookups.sql", "0001_handoffs.sql")


def upgrade() -> None:
    op.execute("set local lock_timeout = '10s'")
    for part in PARTS:
        script = (Path(__file__).parent.parent / "sql" / part).read_text(encoding="utf-8")
        # The driver's own execute takes a script of many statements; SQLAlchemy's takes one.
        driver = op.get_bind().connection.dbapi_connection
        if driver is None:
            raise RuntimeError("the migration lost its connection")
        driver.run_async(lambda raw, script=script: raw.execute(script))


def downgrade() -> None:
    raise NotImplementedError("the first version has nothing below it; restore a backup instead")
