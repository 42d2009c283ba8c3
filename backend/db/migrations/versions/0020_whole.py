"""A hand-off and a session are read whole in one call, as JSON.

Revision ID: 0020
"""

from backend.db.migrations.scripts import run_scripts

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PARTS = ("0020_whole.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
