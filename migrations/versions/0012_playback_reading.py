"""Figures of playback, how long sessions are kept, and views for dashboards."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add tables that are empty, and views."""
    op.execute((SQL / "0012_playback_reading.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop them; sessions stay, and figures can be counted from them again."""
    op.execute("""
        DROP VIEW playback.v_tenants, playback.v_sessions, playback.v_timeline, playback.v_rollup_1m, playback.v_rollup_1h,
            playback.v_sessions_classic, playback.v_sessions_m3w;
        DROP FUNCTION playback.counted_percentile;
        DROP INDEX playback.session_keys_erased;
        DROP TABLE playback.retention_policies, playback.rollup_1m, playback.rollup_1h""")
