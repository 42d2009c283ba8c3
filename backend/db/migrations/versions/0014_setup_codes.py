"""Set-up codes, which name the account that a computer is set up for.

Revision ID: 0014
"""

from backend.db.migrations.scripts import run_scripts

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PARTS = ("0014_setup_codes.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
