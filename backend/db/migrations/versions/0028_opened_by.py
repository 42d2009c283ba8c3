"""Which sign-in a browser came by, and ends with.

Revision ID: 0028
"""

from backend.db.migrations.scripts import run_scripts

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

PARTS = ("0028_opened_by.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
