"""Clients say when they hold alerts back.

Revision ID: 0015
"""

from backend.db.migrations.scripts import run_scripts

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

PARTS = ("0015_held.sql",)


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
