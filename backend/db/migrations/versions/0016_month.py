"""What the month of analytics needs beside a hand-off stands on it: its customer, and when a desktop first showed it.

Revision ID: 0016
"""

from backend.db.migrations.scripts import run_scripts

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PARTS = ("0016_month.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
