"""Apps decide how long their figures are kept."""

from __future__ import annotations

from alembic import op

revision = "0013c"
down_revision = "0013b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; empty, it costs nothing."""
    op.execute("""
        ALTER TABLE accounts.apps ADD COLUMN retention_rollups_days integer CHECK (retention_rollups_days > 0)""")


def downgrade() -> None:
    """Forget what apps chose."""
    op.execute("ALTER TABLE accounts.apps DROP COLUMN retention_rollups_days")
