"""Dashboards show sessions with the largest numbers that a report may carry."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SESSIONS = """
CREATE OR REPLACE VIEW playback.v_sessions AS
    SELECT s.id, s.app_id AS tenant_id, a.name AS tenant, s.session_id, s.partition_ts, s.source, s.dialect, s."timestamp", s.started_at,
        s.duration_ms, s.player_startup_ms, s.play_time_ms, s.rebuffer_time_ms, s.rebuffer_count,
        s.rebuffer_time_ms / nullif({watched}, 0) AS rebuffer_ratio,
        s.dropped_frames, s.seek_count, s.seek_time_ms, s.mean_bitrate_bps, s.error_count, s.last_error_code, s.last_error_category,
        s.content_id, s.stream_type, s.device_model, s.os_name, s.os_version, s.app_name, s.app_version, s.sdk_version, s.connection_type,
        s.cdn, s.payload, s.outcome, s.score, s.clock_skew, s.flags, s.last_state, s.state_since, s.revision, s.first_received_at,
        s.last_received_at
    FROM playback.sessions s JOIN accounts.apps a ON a.id = s.app_id"""
_TIMELINE = """
CREATE OR REPLACE VIEW playback.v_timeline AS
    SELECT t.app_id AS tenant_id, a.name AS tenant, t.session_id, t.partition_ts, to_timestamp({at_ms} / 1000.0) AS "timestamp",
        t.elapsed_ms, t.playback_state, t.current_bitrate_bps, t.network_type, t.dropped_frames, t.buffered_ms, t.rebuffer_count,
        t.rebuffer_time_ms
    FROM playback.session_timeline t JOIN accounts.apps a ON a.id = t.app_id"""
_YEAR_9999_MS = 253_402_300_799_999


def upgrade() -> None:
    """Two such numbers have no 64-bit sum, and such a time of a device is no timestamp."""
    op.execute(_SESSIONS.format(watched="s.play_time_ms::double precision + s.rebuffer_time_ms"))
    op.execute(_TIMELINE.format(at_ms=f"least(t.timestamp_ms, {_YEAR_9999_MS})"))


def downgrade() -> None:
    """As they were."""
    op.execute(_SESSIONS.format(watched="(s.play_time_ms + s.rebuffer_time_ms)::double precision"))
    op.execute(_TIMELINE.format(at_ms="t.timestamp_ms"))
