"""How long an account keeps what people wrote, and making a former person nameless.

Revision ID: 0021
"""

from backend.db.migrations.scripts import run_scripts

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

PARTS = ("0021_privacy.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
