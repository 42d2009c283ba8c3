"""People whom the account's directory has deleted.

Revision ID: 0023
"""

from backend.db.migrations.scripts import run_scripts

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PARTS = ("0023_directory.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
