"""Days of the overview as columns, for charts under filters."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0005b"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add the table, and let sessions mark the days of all that stands beside them; the worker makes the columns."""
    op.execute((SQL / "0008_columns.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop the columns: they can be made again. Sessions mark their own day as before."""
    op.execute("""
        DROP TRIGGER overview_change ON monitoring.sessions;
        DROP TRIGGER overview_update ON monitoring.sessions;
        DROP FUNCTION monitoring.overview_session;
        CREATE TRIGGER overview_insert AFTER INSERT ON monitoring.sessions FOR EACH ROW
            WHEN (NEW.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();
        CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, platform, geo_ip ON monitoring.sessions FOR EACH ROW
            WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '24 hours' AND
                (OLD.app_id, OLD.created_at, OLD.is_active, OLD.browser, OLD.os, OLD.country, OLD.city, OLD.latitude, OLD.longitude) IS DISTINCT FROM
                (NEW.app_id, NEW.created_at, NEW.is_active, NEW.browser, NEW.os, NEW.country, NEW.city, NEW.latitude, NEW.longitude))
            EXECUTE FUNCTION monitoring.overview_own_day();
        CREATE TRIGGER overview_delete AFTER DELETE ON monitoring.sessions FOR EACH ROW
            WHEN (OLD.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();
        DROP TABLE monitoring.overview_columns""")
