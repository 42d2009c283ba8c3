"""PSA connectors, notes on tickets, what PSAs told of.

Revision ID: 0011
"""

from backend.db.migrations.scripts import run_scripts

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PARTS = ("0011_psa.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
