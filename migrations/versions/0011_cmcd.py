"""Lines of players that report CMCD."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add the tables."""
    op.execute((SQL / "0011_cmcd.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop the lines; what they said of sessions stays."""
    op.execute("""
        DROP VIEW playback.v_cmcd_events;
        DROP TABLE playback.cmcd_events;
        DROP TABLE playback.cmcd_sessions""")
