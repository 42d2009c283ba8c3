"""A queue row says for whom it is kept, and until when.

Revision ID: 0022
"""

from backend.db.migrations.scripts import run_scripts

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PARTS = ("0022_reserved_row.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
