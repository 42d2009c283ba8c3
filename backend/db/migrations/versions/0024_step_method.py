"""How a sign-in in two steps began.

Revision ID: 0024
"""

from backend.db.migrations.scripts import run_scripts

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

PARTS = ("0024_step_method.sql",)


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
