"""The manual baseline in versions, and who sees names in analytics.

Revision ID: 0008
"""

from backend.db.migrations.scripts import run_scripts

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PARTS = ("0008_baseline.sql",)


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
