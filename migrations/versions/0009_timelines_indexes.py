"""The connections of a conference or session that were open from an instant on, found without the others."""

from __future__ import annotations

from alembic import op

revision = "0009b"
down_revision = "0009"
branch_labels = None
depends_on = None

# Each takes the place of one on its first column alone.
REPLACED = {
    "connections_conference": ("connections_of_conference", "conference_id"),
    "connections_session": ("connections_of_session", "session_id"),
}


def upgrade() -> None:
    """One index after another, while everything goes on. What an interrupted run has left is made again."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        for old, (new, column) in REPLACED.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{new}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {new} ON monitoring.connections ({column}, end_time, start_time)"
            )
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{old}")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    """Put the narrow ones back."""
    for old, (new, column) in REPLACED.items():
        op.execute(f"CREATE INDEX {old} ON monitoring.connections ({column})")
        op.execute(f"DROP INDEX monitoring.{new}")
