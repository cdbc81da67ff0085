"""Which conferences must be looked at, found without reading the others."""

from __future__ import annotations

from alembic import op

revision = "0005b"
down_revision = "0005"
branch_labels = None
depends_on = None

CREATED = {
    "conferences_undiagnosed": "(end_time) WHERE NOT ongoing AND diagnosed_at IS NULL",
    "conferences_running": "(diagnosed_at NULLS FIRST) WHERE ongoing",
}


def upgrade() -> None:
    """One index after another. What an interrupted run has left is made again."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        for name, what in CREATED.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON monitoring.conferences {what}")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    """Drop them."""
    for name in CREATED:
        op.execute(f"DROP INDEX monitoring.{name}")
