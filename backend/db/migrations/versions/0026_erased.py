"""Erasing a person reaches what it had left behind: former names, notes on tickets, refusals by mail servers.

Revision ID: 0026
"""

from backend.db.migrations.scripts import run_scripts

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

PARTS = ("0026_erased.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
