"""Invitations, phone numbers, the sender's name in mails, the pause after too many tries to sign in.

Revision ID: 0009
"""

from backend.db.migrations.scripts import run_scripts

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PARTS = ("0009_people.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
