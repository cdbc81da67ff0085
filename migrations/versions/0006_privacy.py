"""Masks of apps, erasures, stored amounts, imported files."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0003b"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Add columns, which are empty and so cost nothing, and tables."""
    op.execute((SQL / "0006_privacy.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Take everything back. What was erased stays erased."""
    op.execute("""
        DROP TABLE monitoring.imports, monitoring.app_volumes, monitoring.erasures;
        ALTER TABLE monitoring.connections DROP COLUMN erased_at;
        ALTER TABLE monitoring.sessions DROP COLUMN erased_at;
        ALTER TABLE monitoring.participants DROP COLUMN erased_at;
        ALTER TABLE accounts.apps DROP COLUMN masks""")
