"""An assessment is asked for in the commit of each escalation.

Revision ID: 0012
"""

from backend.db.migrations.scripts import run_scripts

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The grants of 0002 see to whatever has none yet: they are the same for each version.
PARTS = ("0012_assess.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
