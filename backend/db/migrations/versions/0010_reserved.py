"""Only the person asked for may claim for the first minutes, where the policy says so.

Revision ID: 0010
"""

from backend.db.migrations.scripts import run_scripts

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PARTS = ("0010_reserved.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
