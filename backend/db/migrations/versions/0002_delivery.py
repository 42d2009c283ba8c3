"""Work that is due later, delivery by e-mail and webhook, escalation policy, self-audit.

Revision ID: 0002
"""

from backend.db.migrations.scripts import run_scripts

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PARTS = ("0002_jobs.sql", "0002_delivery.sql", "0002_webhooks.sql", "0002_selfaudit.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
