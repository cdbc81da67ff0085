"""Functions of search, columns of charts, and the days of the overview."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add functions, columns and triggers."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        # Sessions and connections are written anew once, with the new columns.
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute((SQL / "0003_reading.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Take everything back."""
    op.execute("""
        DROP TABLE monitoring.overview_days, monitoring.overview_changes;
        DROP FUNCTION monitoring.overview_own_day, monitoring.overview_issue, monitoring.overview_link, monitoring.overview_participant CASCADE;
        DROP FUNCTION monitoring.overview_changed;
        ALTER TABLE monitoring.sessions DROP COLUMN browser, DROP COLUMN os, DROP COLUMN country, DROP COLUMN city,
            DROP COLUMN latitude, DROP COLUMN longitude;
        ALTER TABLE monitoring.connections DROP COLUMN setup_ms;
        DROP FUNCTION monitoring.search_keys(uuid, text, text), monitoring.search_keys(uuid, text[]), monitoring.trigrams, monitoring.setup_ms,
            monitoring.told, monitoring.told_number""")
