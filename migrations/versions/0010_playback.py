"""Player sessions and keys of players."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009b"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add the schema; the columns of keys and apps are empty, which costs nothing."""
    op.execute((SQL / "0010_playback.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop the schema with all sessions in it."""
    op.execute("""
        DROP SCHEMA playback CASCADE;
        ALTER TABLE accounts.api_keys DROP COLUMN not_before, DROP COLUMN bucket_id, DROP COLUMN rate_limit,
            DROP COLUMN rate_window_s, DROP COLUMN origins;
        ALTER TABLE accounts.apps DROP COLUMN quota_playback_reports_daily, DROP COLUMN playback_rate_limit,
            DROP COLUMN playback_rate_window_s""")
