"""The first version: tables, roles, row-level security, sign-in look-ups, the hot path.

Revision ID: 0001
"""

from backend.db.migrations.scripts import run_scripts

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("0001_tables.sql", "0001_roles.sql", "0001_lookups.sql", "0001_handoffs.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("the first version has nothing below it; restore a backup instead")
