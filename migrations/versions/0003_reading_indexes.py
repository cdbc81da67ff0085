"""Indexes of search and charts, made while everything goes on."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0003b"
down_revision = "0003"
branch_labels = None
depends_on = None

# A covering index takes the place of a plain one: the charts read nothing but the index, the lists find their rows by it as before.
CREATED = {
    "conferences_overview": """ON monitoring.conferences (app_id, created_at DESC, id) INCLUDE (is_active, ongoing, duration)""",
    "sessions_overview": """ON monitoring.sessions (app_id, created_at)
        INCLUDE (is_active, id, conference_id, browser, os, country, city, latitude, longitude, app_version, webrtc_sdk)""",
    "connections_overview": """ON monitoring.connections (app_id, created_at) INCLUDE (is_active, session_id, type, setup_ms)""",
    "connections_setup": """ON monitoring.connections (app_id, setup_ms DESC) INCLUDE (is_active, created_at, session_id, conference_id)
        WHERE setup_ms IS NOT NULL""",
    "issues_overview": """ON monitoring.issues (app_id, created_at) INCLUDE (is_active, session_id, conference_id, type, code)""",
    "participants_unusual": """ON monitoring.participants (app_id) WHERE is_sfu OR NOT is_active""",
    # What is not yet sorted into the index is read by every search: it stays short.
    "conferences_search": """ON monitoring.conferences USING gin (monitoring.search_keys(organization_id, conference_id, conference_name))
        WITH (gin_pending_list_limit = 128)""",
    "participants_search": """ON monitoring.participants USING gin (monitoring.search_keys(organization_id, participant_id, participant_name))
        WITH (gin_pending_list_limit = 128)""",
}
REPLACED = {
    "conferences_app_created": "ON monitoring.conferences (app_id, created_at DESC, id)",
    "sessions_app_created": "ON monitoring.sessions (app_id, created_at)",
    "connections_app_created": "ON monitoring.connections (app_id, created_at)",
    "issues_app_created": "ON monitoring.issues (app_id, created_at)",
}


def upgrade() -> None:
    """One index after another. What an interrupted run has left is made again."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        for name, what in CREATED.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} {what}")
        for name in REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS monitoring.{name}")
        # An index on an expression has figures of its own, which search goes by. An empty table is left alone: once it
        # is known to be empty, plans are made to read all of it.
        for table in ("conferences", "participants"):
            size = text("SELECT pg_relation_size(to_regclass(:name))")
            if op.get_bind().scalar(size, {"name": f"monitoring.{table}"}):
                op.execute(f"ANALYZE monitoring.{table}")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    """Put the plain indexes back."""
    for name, what in REPLACED.items():
        op.execute(f"CREATE INDEX {name} {what}")
    for name in CREATED:
        op.execute(f"DROP INDEX monitoring.{name}")
