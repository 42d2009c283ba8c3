"""What every page asks for in one call; the search of the session list.

Revision ID: 0013
"""

from backend.db.migrations.scripts import run_scripts

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

PARTS = ("0013_web.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
