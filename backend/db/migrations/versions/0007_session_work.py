"""What is worked on in a session can be corrected; who is looking; how hand-offs end.

Revision ID: 0007
"""

from backend.db.migrations.scripts import run_scripts

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PARTS = ("0007_session_work.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
