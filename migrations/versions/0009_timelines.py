"""When something was going on, kept with conferences and sessions."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns that are empty at first, which costs nothing: what is not there is made from all connections at the next event."""
    op.execute("""
        ALTER TABLE monitoring.conferences ADD COLUMN timeline jsonb;
        ALTER TABLE monitoring.session_lives ADD COLUMN timeline jsonb""")


def downgrade() -> None:
    """Drop them; nothing is lost."""
    op.execute("""
        ALTER TABLE monitoring.session_lives DROP COLUMN timeline;
        ALTER TABLE monitoring.conferences DROP COLUMN timeline""")
