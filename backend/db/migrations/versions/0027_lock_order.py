"""Rows of many are locked in one order, and people before the hand-offs that name them.

Revision ID: 0027
"""

from backend.db.migrations.scripts import run_scripts

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

PARTS = ("0027_lock_order.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
