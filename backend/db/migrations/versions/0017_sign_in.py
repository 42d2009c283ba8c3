"""Second factors, forgotten passwords, scoped tokens, single sign-on and directories.

Revision ID: 0017
"""

from backend.db.migrations.scripts import run_scripts

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PARTS = ("0017_sign_in.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
