"""A hand-off escalated while its ticket is read has the customer all the same.

Revision ID: 0029
"""

from backend.db.migrations.scripts import run_scripts

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PARTS = ("0029_customer.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
