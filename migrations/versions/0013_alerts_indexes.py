"""Calls and sessions of an app by when they ended: what alerts count each minute."""

from __future__ import annotations

from alembic import op

revision = "0013b"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEXES = {
    "sessions_app_ended": "ON monitoring.sessions (app_id, end_time) WHERE end_time IS NOT NULL",
    "conferences_app_ended": "ON monitoring.conferences (app_id, end_time) WHERE end_time IS NOT NULL",
}


def upgrade() -> None:
    """One index after another, while everything goes on. What an interrupted run has left is made again."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        for name, definition in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {definition}")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    """Drop them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX monitoring.{name}")
