"""How a handoff ended: outcome, whether it held what the senior needed, what solved it.

Revision ID: 0004
"""

from backend.db.migrations.scripts import run_scripts

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PARTS = ("0004_outcome.sql",)


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
