"""Accounts, audit, jobs and monitoring."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
PARTS = ("0001_accounts.sql", "0001_jobs.sql", "0001_monitoring.sql")


def upgrade() -> None:
    """Create every schema."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for part in PARTS:
        with driver.cursor() as cursor:
            cursor.execute((SQL / part).read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop every schema and all data in it."""
    op.execute("DROP SCHEMA IF EXISTS monitoring, jobs, audit, accounts CASCADE")
