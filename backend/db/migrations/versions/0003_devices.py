"""Computers that are signed in by way of the browser: devices, their codes and tokens.

Revision ID: 0003
"""

from backend.db.migrations.scripts import run_scripts

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The grants of 0002 see to whatever has none yet: they are the same for each version.
PARTS = ("0003_devices.sql", "0002_grants.sql")


def upgrade() -> None:
    run_scripts(PARTS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the upgrade instead")
