"""An index that tells which reports are new, small enough for the hot path: a few bytes for every sixteen blocks."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0004b"
down_revision = "0004"
branch_labels = None
depends_on = None

WHAT = "USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on)"
PARTITIONS = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'monitoring.samples'::regclass ORDER BY c.relname"""


def upgrade() -> None:
    """First on the parent alone, for partitions to come, then one partition after another. An interrupted run is taken up again."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.execute(f"CREATE INDEX IF NOT EXISTS samples_received ON ONLY monitoring.samples {WHAT}")
        for (name,) in op.get_bind().execute(text(PARTITIONS)).all():
            index = f"{name}_received"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{index}_left")
            if not _attached(name):
                op.execute(f"CREATE INDEX CONCURRENTLY {index}_left ON monitoring.{name} {WHAT}")
                op.execute(f"ALTER INDEX monitoring.{index}_left RENAME TO {index}")
                op.execute(
                    f"ALTER INDEX monitoring.samples_received ATTACH PARTITION monitoring.{index}"
                )
        op.execute("RESET statement_timeout")


def _attached(partition: str) -> bool:
    found = op.get_bind().execute(
        text("""SELECT EXISTS (SELECT FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid
            WHERE x.indrelid = to_regclass(:name) AND i.inhparent = 'monitoring.samples_received'::regclass)"""),
        {"name": f"monitoring.{partition}"},
    )
    return bool(found.scalar())


def downgrade() -> None:
    """Drop it everywhere."""
    op.execute("DROP INDEX monitoring.samples_received")
