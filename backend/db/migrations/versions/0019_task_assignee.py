"""Tasks of a session can be somebody's.

Revision ID: 0019
"""

from backend.db.migrations.scripts import run_scripts

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PARTS = ("0019_task_assignee.sql",)


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
