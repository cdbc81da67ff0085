"""Messages to other hosts; alerts."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add both schemas."""
    op.execute((SQL / "0013_alerts.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop them with all that was found and told."""
    op.execute("DROP SCHEMA alerts CASCADE")
    op.execute("DROP SCHEMA outgoing CASCADE")
