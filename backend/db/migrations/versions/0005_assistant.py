"""The assistant: replies, proposals, assessments, runbooks, what resolved handoffs teach, one-view secrets.

Revision ID: 0005
"""

from backend.db.migrations.scripts import run_scripts

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The grants of 0002 see to whatever has none yet: they are the same for each version.
PARTS = ("0005_assistant.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
