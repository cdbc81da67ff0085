"""The life of findings, and diagnoses."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004b"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add columns, which are empty or constant and so cost nothing, and a table."""
    op.execute((SQL / "0005_detection.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Take everything back, findings of rules included."""
    op.execute("""
        DROP TABLE monitoring.diagnoses;
        ALTER TABLE monitoring.conferences DROP COLUMN diagnosed_at;
        DELETE FROM monitoring.issues WHERE source = 'rule';
        ALTER TABLE monitoring.issues DROP COLUMN source, DROP COLUMN ended_at, DROP COLUMN updated_at""")
