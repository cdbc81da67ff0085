"""Accounts, audit, jobs and monitoring."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Create every schema. The queue's own statements come from the library that uses them."""
    _run((SQL / "0001_accounts.sql").read_text(encoding="utf-8"))
    _run((SQL / "0001_jobs_before.sql").read_text(encoding="utf-8"))
    _run(SchemaManager.get_schema())
    _run((SQL / "0001_jobs_after.sql").read_text(encoding="utf-8"))
    _run((SQL / "0001_monitoring.sql").read_text(encoding="utf-8"))


def _run(statements: str) -> None:
    """Many statements at once, without parameters: straight through the driver."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        cursor.execute(statements)


def downgrade() -> None:
    """Drop every schema and all data in it."""
    op.execute("DROP SCHEMA IF EXISTS monitoring, jobs, audit, accounts CASCADE")
