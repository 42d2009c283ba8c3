"""The audit log: append-only, chained by hash per account.

Revision ID: 0006
"""

from backend.db.migrations.scripts import run_scripts

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PARTS = ("0006_audit.sql", "0002_grants.sql", "0006_audit_rights.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
