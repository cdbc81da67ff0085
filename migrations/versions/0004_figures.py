"""Minutes of flows, and sums of them for charts."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0006"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add tables; the worker fills them from what is stored."""
    op.execute((SQL / "0004_figures.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop them: everything in them can be worked out again."""
    op.execute("""
        DROP TRIGGER figures_update ON monitoring.sessions;
        DROP FUNCTION monitoring.figures_session;
        DROP TABLE monitoring.figure_progress, monitoring.figure_changes, monitoring.figure_rollups, monitoring.track_minutes""")
