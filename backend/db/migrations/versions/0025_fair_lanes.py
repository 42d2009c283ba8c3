"""Places of a lane: whoever holds fewest comes first, nobody has all.

Revision ID: 0025
"""

from backend.db.migrations.scripts import run_scripts

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

PARTS = ("0025_fair_lanes.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
