"""How far the days of an app's own retention were deleted."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add the table."""
    op.execute((SQL / "0002_retention.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Forget it; the next run looks at every partition again."""
    op.execute("DROP TABLE monitoring.retention")
